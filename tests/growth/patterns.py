"""All regular expressions of the code, how each is used, and the texts that are worst for it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from re import _constants as tokens  # how Python reads patterns itself
from re import _parser as parser
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {
    "compile",
    "match",
    "fullmatch",
    "search",
    "sub",
    "subn",
    "findall",
    "finditer",
    "split",
}
ANCHORED = {"match", "fullmatch"}
CHARACTERS = "a01A_ -.,;:/@<>\"'`=#%&(){}$*+?!\\\n\té\0"
MANY = 8  # repetitions from which a piece counts as one without a bound
UNITS = 7  # pieces tried of each repetition

Node = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Used:
    """A pattern, and whether it is only ever tried at the beginning of a text."""

    place: str
    pattern: re.Pattern[Any]
    anchored: bool

    def run(self, text: str) -> object:
        given: Any = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        if self.anchored:
            return self.pattern.fullmatch(given), self.pattern.match(given)
        return sum(1 for _ in self.pattern.finditer(given))


def all_used() -> tuple[list[Used], list[str]]:
    """Return the patterns that are known, and the places whose patterns are made as they run."""
    trees = {path: ast.parse(path.read_text()) for path in _files()}
    methods = _methods(trees.values())
    found, made = [], []
    for path, tree in trees.items():
        module = _module(path)
        names = vars(importlib.import_module(module))
        assigned = {
            id(node.value): node.targets[0].id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and _is_of_re(call.func)):
                continue
            method = call.func.attr  # type: ignore[attr-defined]
            try:
                pattern = _compiled(call, method, names)
            except NameError:
                made.append(f"{module}: {ast.unparse(call)}")
                continue
            used = (
                methods.get(assigned.get(id(call), ""), {"search"})
                if method == "compile"
                else {method}
            )
            found.append(Used(f"{module}:{call.lineno}", pattern, used <= ANCHORED))
    return found, sorted(made)


def worst_texts(pattern: re.Pattern[Any], *, anchored: bool) -> Iterator[Callable[[int], str]]:
    """Yield makers of texts of about a given length that repeat what the pattern repeats, after
    what leads there and before what fits nothing; or that lead there again and again."""
    source = (
        pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    )
    tree = list(parser.parse(source, pattern.flags & ~re.UNICODE))
    seen = set()
    for prefix, repeated in _repeated(tree, ""):
        again = () if anchored else (("", repeated), ("", prefix), ("", prefix + repeated))
        for start, unit in ((prefix, repeated), *again):
            if unit and (start, unit) not in seen:
                seen.add((start, unit))
                yield partial(_text, start, unit)


def _text(start: str, unit: str, length: int) -> str:
    return start + unit * (length // len(unit) + 1) + "\0"


def _files() -> list[Path]:
    return [
        path
        for folder in ("platform", "integrations")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not {"migrations", "tests", "sandbox"} & set(path.relative_to(ROOT).parts)
        and re.search(r"\bre\.", path.read_text())
    ]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:] if parts[0] == "platform" else parts)


def _is_of_re(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "re"
        and node.attr in FUNCTIONS
    )


def _methods(trees: Any) -> dict[str, set[str]]:
    """What is called of each name, wherever: of those that are the same in two modules, all."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS - {"compile"}:
                name = (
                    node.value.attr
                    if isinstance(node.value, ast.Attribute)
                    else getattr(node.value, "id", "")
                )
                found.setdefault(name, set()).add(node.attr)
    return found


def _compiled(call: ast.Call, method: str, names: dict[str, Any]) -> re.Pattern[Any]:
    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "pattern", "eval"), dict(names))  # noqa: S307  # our own source

    if method == "compile":
        pattern: re.Pattern[Any] = value(call)
        return pattern
    flags = [value(keyword.value) for keyword in call.keywords if keyword.arg == "flags"]
    return re.compile(value(call.args[0]), *flags)


# --- What a pattern repeats ----------------------------------------------------------------------


def _repeated(tree: Sequence[Node], prefix: str) -> Iterator[tuple[str, str]]:
    for at, (operator, argument) in enumerate(tree):
        before = prefix + _sample(tree[:at])
        for inner in _below(operator, argument):
            yield from _repeated(inner, before)
        if operator in _REPEATS and argument[1] >= MANY:
            for unit in _samples(list(argument[2]))[:UNITS]:
                yield before, unit


_REPEATS = (tokens.MAX_REPEAT, tokens.MIN_REPEAT, tokens.POSSESSIVE_REPEAT)


def _below(operator: Any, argument: Any) -> list[list[Node]]:
    if operator in _REPEATS:
        return [list(argument[2])]
    if operator is tokens.SUBPATTERN:
        return [list(argument[3])]
    if operator is tokens.BRANCH:
        return [list(branch) for branch in argument[1]]
    if operator is tokens.ATOMIC_GROUP:
        return [list(argument)]
    if operator in (tokens.ASSERT, tokens.ASSERT_NOT):
        return [list(argument[1])]
    return []


def _sample(tree: Sequence[Node]) -> str:
    return _samples(tree)[0]


def _samples(tree: Sequence[Node]) -> list[str]:
    """Return texts that fit: one with each member of a class and each branch, the others' first."""
    pieces = [_samples_of(operator, argument) for operator, argument in tree]
    firsts = [piece[0] for piece in pieces]
    found = ["".join(firsts)]
    for at, piece in enumerate(pieces):
        found += ["".join([*firsts[:at], other, *firsts[at + 1 :]]) for other in piece[1:]]
    return [*found, "".join(found)] if len(found) > 1 else found


def _samples_of(operator: Any, argument: Any) -> list[str]:
    if operator is tokens.LITERAL:
        return [chr(argument)]
    if operator is tokens.NOT_LITERAL:
        return [one for one in CHARACTERS if ord(one) != argument]
    if operator is tokens.ANY:
        return list(CHARACTERS)
    if operator is tokens.IN:
        return _members(argument) or [""]
    if operator in _REPEATS:
        return [text * max(argument[0], 1) for text in _samples(list(argument[2]))]
    if operator in (tokens.ASSERT, tokens.ASSERT_NOT):
        return [""]
    return [text for inner in _below(operator, argument) for text in _samples(inner)] or [""]


def _members(argument: Any) -> list[str]:
    negated = bool(argument) and argument[0][0] is tokens.NEGATE
    written = [chr(value) for operator, value in argument if operator is tokens.LITERAL]
    return [
        one
        for one in dict.fromkeys((*written, *CHARACTERS))
        if any(_holds(operator, value, one) for operator, value in argument) != negated
    ]


def _holds(operator: Any, value: Any, one: str) -> bool:
    if operator is tokens.LITERAL:
        return bool(ord(one) == value)
    if operator is tokens.RANGE:
        return bool(value[0] <= ord(one) <= value[1])
    if operator is tokens.CATEGORY:
        letter = str(value).removeprefix("CATEGORY_").removeprefix("UNI_")
        refused = letter.startswith("NOT_")
        kind = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[letter.removeprefix("NOT_")]
        return (re.match(kind, one) is None) is refused
    return False
