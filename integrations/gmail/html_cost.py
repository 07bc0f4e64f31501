"""What HTML costs a parser that works as browsers do: where it takes the square of the length.

Rule 1: tags are told from text as the HTML standard tells them (section 13.2.5: comments, quoted
attributes, elements of raw text), or a tag within an attribute would hide what follows.
Rule 2: where the structure cannot be followed here, more is counted than there is, never less.
Rule 3: what is refused, no mail has any use for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_DEPTH = 1_000  # elements open at once
MAX_REOPENED = 500_000  # formatting elements open at once, times the tags that may repeat them
MAX_COPIED = 200_000_000  # characters of one text that are read again for a character of it
MAX_STRAY = 1_000  # things in a table but in no cell: each is put before the table, by a search
FEWTAGS = 1_000  # up to so many, nothing of that takes long

_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt",
     "u")
)  # fmt: skip
# They are closed by what follows, or hold nothing.
_SELF_CLOSING = frozenset(
    ("p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody", "thead", "tfoot", "html", "head",
     "body", "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
     "source", "track", "wbr")
)  # fmt: skip
_RAW_TEXT = frozenset(
    ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
)
# Within them tags mean something else, or nothing.
_OTHER_RULES = frozenset(("svg", "math", "select", "template", "frameset", "plaintext"))
_CELLS = frozenset(("td", "th", "caption"))
_ROWS = frozenset(("tr", "tbody", "thead", "tfoot", "colgroup", "col"))
# What begins one of them ends the text before it, wherever it stands.
_ENDS_TEXT = frozenset(
    ("p", "div", "span", "br", "img", "a", "b", "i", "u", "em", "strong", "font", "center", "ul",
     "ol", "li", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote")
)  # fmt: skip
TAG = re.compile(
    r"""<(/?)([a-zA-Z][^\s/>]*+)
    (?: [\s/]++
      | [^\s/>][^\s/>=]*+ (?: \s*+ = \s*+ (?: "[^"]*+" | '[^']*+' | [^\s>"'][^\s>]*+ ) )?+ )*+
    >""",
    re.VERBOSE,
)
_OPENING = re.compile(r"<(?=[a-zA-Z/!?])")
_END_OF_COMMENT = re.compile(r"--!?>")
# Nothing else in a text makes the writer of HTML look through the rest of it.
_SLOW = re.compile(r"&(?!lt;|gt;|quot;|#39;)|[\x80-\xbf]")
_BREAKS = re.compile(r"[&\n\r\0<]")


def is_too_slow(html: str) -> bool:
    """Return whether making this HTML safe would take far longer than its length lets expect."""
    cost = _Cost()
    for text, closing, name in _tokens(html):
        cost.add_text(text)
        cost.add_tag(name, closing)
    cost.end_text()
    return cost.is_high


@dataclass(slots=True)
class _Cost:
    tags: int = 0
    depth: int = 0
    deepest: int = 0
    formatting: int = 0
    reopened: int = 0
    copied: int = 0
    stray: int = 0
    slow: int = 0  # of the running text
    length: int = 0
    other_rules: bool = False
    selecting: bool = False
    left_open: Counter[str] = field(default_factory=Counter)
    in_cell: list[bool] = field(default_factory=list)  # for each table that is open

    @property
    def is_high(self) -> bool:
        return (
            self.deepest > MAX_DEPTH
            or self.reopened * self.tags > MAX_REOPENED
            or self.copied > MAX_COPIED
            or self.stray > MAX_STRAY
            or (self.other_rules and self.tags > FEWTAGS)
        )

    def add_text(self, text: str) -> None:
        self.slow += len(_SLOW.findall(text))
        self.length += len(text)
        if self.is_stray and not text.isspace() and text:
            self.stray += 1 + len(_BREAKS.findall(text))

    def end_text(self) -> None:
        self.copied += self.slow * self.length
        self.slow = self.length = 0

    def add_tag(self, name: str, closing: bool) -> None:
        self.tags += 1
        self.other_rules |= name in _OTHER_RULES
        self.selecting |= name == "select"
        if name in _ENDS_TEXT and not closing and not self.selecting:
            self.end_text()
        if not self._is_of_a_table(name, closing) and self.is_stray and not closing:
            self.stray += 1
        if name not in _SELF_CLOSING:
            self._nest(name, closing)

    @property
    def is_stray(self) -> bool:
        return bool(self.in_cell) and not self.in_cell[-1]

    def _is_of_a_table(self, name: str, closing: bool) -> bool:
        if name == "table" and not closing:
            self.in_cell.append(False)
        elif name == "table" and self.in_cell:
            self.in_cell.pop()
        elif self.in_cell and name in _CELLS | _ROWS:
            self.in_cell[-1] = name in _CELLS and not closing
        else:
            return False
        return True

    def _nest(self, name: str, closing: bool) -> None:
        if not closing:
            self.left_open[name] += 1
            self.depth += 1
            self.formatting += name in _FORMATTING
        elif self.left_open[name] > 0:
            self.left_open[name] -= 1
            self.depth -= 1
            self.formatting -= name in _FORMATTING
        self.deepest = max(self.deepest, self.depth)
        self.reopened = max(self.reopened, self.formatting)


def _tokens(html: str) -> Iterator[tuple[str, bool, str]]:
    """Yield each tag as the text before it, whether it closes, and its name in small letters.

    The text after the last tag comes with the name "". Comments are in no text.
    """
    at, texts = 0, list[str]()
    while (opening := _OPENING.search(html, at)) is not None:
        start = opening.start()
        texts.append(html[at:start])
        tag = TAG.match(html, start)
        if tag is not None:
            name = tag[2].lower()
            yield "".join(texts), bool(tag[1]), name
            at, texts = tag.end(), []
            if name in _RAW_TEXT and not tag[1]:
                at = _end_of_raw_text(html, name, at)
            continue
        letter = html[start + 1 : start + 3].strip("/")[:1]
        if letter.isascii() and letter.isalpha():
            break  # a tag that nothing ends: a parser leaves the rest out
        at = _end_of_comment(html, start)
    else:
        texts.append(html[at:])
    yield "".join(texts), True, ""


def _end_of_raw_text(html: str, name: str, at: int) -> int:
    end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, at)
    return len(html) if end is None else end.start()


def _end_of_comment(html: str, start: int) -> int:
    """Of <!-- … -->, or of anything else that a parser takes for one."""
    if html.startswith("<!--", start):
        end = _END_OF_COMMENT.search(html, start + 2)
        return len(html) if end is None else end.end()
    closing = html.find(">", start)
    return len(html) if closing < 0 else closing + 1
