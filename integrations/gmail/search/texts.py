"""Words of a text. Gmail finds whole words, in any case, wherever they stand.

Nothing in a value becomes a word of the language: what isn't plain stands in quotes, where Gmail
reads no operator; a quote itself, which Gmail has no way to write, becomes a blank.
"""

from __future__ import annotations

import re

from ceql import Like, Pattern, Value
from integrations.gmail.search.leaf import Leaf, Writer, any_of, equal, refuse, said

PLAIN = re.compile(r"[^\W_][\w.@+-]*")
LETTER = re.compile(r"[^\W_]")
QUOTES = re.compile('["\u201c\u201d\u201e]')


def text(operator: str) -> Writer:
    """The value stands in the text, as whole words side by side."""

    def write(leaf: Leaf) -> str:
        if isinstance(leaf, Like):
            found = phrase(leaf.field, operator, _within(leaf))
            return any_of([found], negated=leaf.negated)
        return equal(leaf, lambda value: phrase(leaf.field, operator, value))

    return write


def address(operator: str) -> Writer:
    """As a text; `%@example.com` and `user@%` are known, too, for they are whole words."""
    plain = text(operator)

    def write(leaf: Leaf) -> str:
        part = _end(leaf, "@") or _start(leaf, "@")
        if part and isinstance(leaf, Like):
            return any_of([phrase(leaf.field, operator, part)], negated=leaf.negated)
        return plain(leaf)

    return write


def filename(leaf: Leaf) -> str:
    """As a text; `%.pdf` is known, too: Gmail finds files by their ending."""
    ending = _end(leaf, ".")
    if ending and isinstance(leaf, Like):
        return any_of([phrase(leaf.field, "filename:", ending)], negated=leaf.negated)
    return text("filename:")(leaf)


def phrase(field: str, operator: str, value: Value) -> str:
    found = " ".join(QUOTES.sub(" ", said(value)).split())
    if not LETTER.search(found):
        refuse(f"{field} must be compared with a text that holds a letter or a digit")
    # A word without operator is quoted always: OR and AROUND would be operators themselves.
    return f"{operator}{found}" if operator and PLAIN.fullmatch(found) else f'{operator}"{found}"'


def _within(leaf: Like) -> str:
    """The text of '%text%', or of a pattern without wildcards."""
    texts = Pattern.of(leaf.pattern).texts()
    if texts is not None and len(texts) == 1:
        return texts[0]
    if texts is None or len(texts) != 3 or texts[0] or texts[2]:
        refuse(
            f"{leaf.field} LIKE can only be '%text%': Gmail finds whole words, wherever they stand"
        )
    return texts[1]


def _end(leaf: Leaf, mark: str) -> str:
    """What follows the mark in '%<mark>text'; empty for any other pattern."""
    texts = Pattern.of(leaf.pattern).texts() if isinstance(leaf, Like) else None
    if texts is None or len(texts) != 2 or texts[0] or not texts[1].startswith(mark):
        return ""
    return texts[1].removeprefix(mark)


def _start(leaf: Leaf, mark: str) -> str:
    texts = Pattern.of(leaf.pattern).texts() if isinstance(leaf, Like) else None
    if texts is None or len(texts) != 2 or texts[1] or not texts[0].endswith(mark):
        return ""
    return texts[0].removesuffix(mark)
