"""The headers of an answer, in one form for both runners, and the reader of Link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

# Of these an answer has one value. Where a proxy adds another, the first counts, as in aiohttp:
# two values in one text could not be read.
SINGLE = frozenset(
    {
        "age", "content-length", "content-type", "date", "etag", "expires", "last-modified",
        "location", "retry-after", "x-ratelimit-remaining", "x-ratelimit-reset",
    }
)  # fmt: skip
# Cannot be joined (RFC 9110 section 5.3). No cookie is kept, and each is a secret.
LEFT_OUT = frozenset({"set-cookie", "set-cookie2"})


def headers_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers of an answer by their names in lower case.

    The values of one that is repeated are joined by commas, as RFC 9110 section 5.3 says, except
    of those that are SINGLE.
    """
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return {
        name: values[0] if name in SINGLE else ", ".join(values)
        for name, values in found.items()
        if name not in LEFT_OUT
    }


# --- Link ----------------------------------------------------------------------------------------

# By hand, since those of requests and aiohttp split at commas and semicolons within quotes, too.
# Each takes what it has read for good, so that reading takes time in proportion to the text.
_BETWEEN = re.compile(r"[\s,]*+")
_PARAMETER = re.compile(
    r"""\s*+;\s*+(?P<name>[^\s=;,"]*+)\s*+
    (?:=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)\\?(?:"|\Z)|(?P<token>[^\s;,"]*+)))?""",
    re.VERBOSE | re.DOTALL,
)
# What is no part of a link, to the comma that ends it.
_UNREADABLE = re.compile(r"""(?:[^,"]|"(?:[^"\\]|\\.)*+\\?(?:"|\Z))*+""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a Link header. `relations` are in lower case; `parameters` by lower-case names.

    The value of a parameter that is repeated is the first one.
    """

    target: str
    parameters: Mapping[str, str]

    @property
    def relations(self) -> frozenset[str]:
        return frozenset(self.parameters.get("rel", "").lower().split())

    @property
    def is_of_the_answer(self) -> bool:
        """Return whether it begins at what was answered, not at an anchor that it names."""
        return "anchor" not in self.parameters


def links_of(header: str) -> Iterator[Link]:
    """Read a Link header (RFC 8288 section 3; appendix B.2 for what is written badly).

    What is no link is passed over, up to the next comma that is not quoted.
    """
    position = _end(_BETWEEN, header, 0)
    while position < len(header):
        if header[position] == "<":
            close = header.find(">", position)
            if close < 0:
                return
            target = header[position + 1 : close].strip()
            parameters, position = _parameters(header, close + 1)
            yield Link(target, parameters)
        position = _end(_BETWEEN, header, _end(_UNREADABLE, header, position))


def _parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    """Return the parameters that stand there, and where they end."""
    found: dict[str, str] = {}
    while (parameter := _PARAMETER.match(header, position)) is not None:
        position = parameter.end()
        quoted = parameter["quoted"]
        value = parameter["token"] if quoted is None else _ESCAPED.sub(r"\1", quoted)
        found.setdefault(parameter["name"].lower(), value or "")
    return found, position


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Return where the stretch ends that begins there; it may be empty."""
    match = pattern.match(text, position)
    return position if match is None else match.end()


def link_to(relation: str, header: str) -> str | None:
    """Return where the first link of that relation leads, as it is written; None without one."""
    return next(
        (
            link.target
            for link in links_of(header)
            if link.is_of_the_answer and relation in link.relations
        ),
        None,
    )
