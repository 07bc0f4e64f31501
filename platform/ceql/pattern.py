"""Patterns of LIKE: `%` stands for any text, `_` for one character, both for themselves after `\\`.

Case makes no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

ANY = "%"
ONE = "_"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern read: the pieces between its `%`, each of characters, where None is any one.

    'a%b_' has the pieces ['a', 'b?'], so at least one; '%a%' has ['', 'a', ''].
    """

    pieces: tuple[tuple[str | None, ...], ...]

    @classmethod
    def of(cls, text: str) -> Pattern:
        pieces: list[list[str | None]] = [[]]
        for character, special in _characters(text):
            if special and character == ANY:
                pieces.append([])
            else:
                pieces[-1].append(None if special else character)
        return cls(tuple(tuple(piece) for piece in pieces))

    def texts(self) -> tuple[str, ...] | None:
        """The pieces as plain text; None where a `_` stands in one."""
        if any(character is None for piece in self.pieces for character in piece):
            return None
        return tuple("".join(map(str, piece)) for piece in self.pieces)

    def sql(self) -> str:
        """The pattern for a database whose escape character is the backslash."""
        return ANY.join("".join(map(_escaped, piece)) for piece in self.pieces)

    def matches(self, text: str) -> bool:
        """Takes each piece where it first occurs: no backtracking, whatever the pattern is."""
        first, *others = self.pieces
        head = _expression(first).match(text)
        if head is None:
            return False
        if not others:
            return head.end() == len(text)
        at = head.end()
        for piece in others[:-1]:
            found = _expression(piece).search(text, at)
            if found is None:
                return False
            at = found.end()
        rest = len(text) - len(others[-1])
        return rest >= at and _expression(others[-1]).match(text, rest) is not None


def _characters(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, and whether it stands for others."""
    escaped = False
    for place, character in enumerate(text):
        if escaped:
            escaped = False
            yield character, False
        elif character == "\\" and text[place + 1 : place + 2] in {ANY, ONE, "\\"} - {""}:
            escaped = True
        else:
            yield character, character in (ANY, ONE)


def _escaped(character: str | None) -> str:
    if character is None:
        return ONE
    return f"\\{character}" if character in (ANY, ONE, "\\") else character


def _expression(piece: tuple[str | None, ...]) -> re.Pattern[str]:
    # Case is ignored character by character, so a piece is as long as what it matches.
    source = "".join("." if character is None else re.escape(character) for character in piece)
    return re.compile(source, re.IGNORECASE | re.DOTALL)
