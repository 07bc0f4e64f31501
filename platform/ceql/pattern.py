"""Patterns of LIKE: `%` stands for any text, `_` for one character, both for themselves after `\\`.

Case makes no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

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

    @property
    def cost(self) -> int:
        """How many times each character of a text may be looked at: what stands between two `%`
        and has a `_` in it is tried at every place."""
        return sum(len(piece) for piece in self.pieces[1:-1] if None in piece)

    def matches(self, text: str) -> bool:
        """Takes each piece where it first occurs: no backtracking, whatever the pattern is."""
        text = _folded(text)
        first, *others = map(_sought, self.pieces)
        at = _end_at(first, text, 0)
        if at < 0 or not others:
            return at == len(text)
        for piece in others[:-1]:
            at = _end_from(piece, text, at)
            if at < 0:
                return False
        rest = len(text) - len(self.pieces[-1])
        return rest >= at and _end_at(others[-1], text, rest) >= 0


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


# A text is sought in linear time. A regular expression would take the text's length times its own,
# and hold up every thread for as long.
_Sought = str | re.Pattern[str]


@lru_cache(maxsize=1_000)
def _sought(piece: tuple[str | None, ...]) -> _Sought:
    if None not in piece:
        return _folded("".join(map(str, piece)))
    return re.compile("".join("." if one is None else re.escape(_fold(one)) for one in piece), re.S)


def _end_at(piece: _Sought, text: str, at: int) -> int:
    """Where the piece ends that begins there; -1 where it does not."""
    if isinstance(piece, str):
        return at + len(piece) if text.startswith(piece, at) else -1
    found = piece.match(text, at)
    return -1 if found is None else found.end()


def _end_from(piece: _Sought, text: str, at: int) -> int:
    """Where the piece ends that occurs first from there on; -1 where none does."""
    if isinstance(piece, str):
        start = text.find(piece, at)
        return -1 if start < 0 else start + len(piece)
    found = piece.search(text, at)
    return -1 if found is None else found.end()


@lru_cache(maxsize=4)  # one text is asked many conditions in turn
def _folded(text: str) -> str:
    """Without regard to case, character by character: it stays as long as it is."""
    folded = text.upper().lower().replace("\N{GREEK SMALL LETTER FINAL SIGMA}", "\u03c3")
    return folded if len(folded) == len(text) else "".join(map(_fold, text))


def _fold(character: str) -> str:
    folded = character.upper().lower()
    if len(folded) != 1:
        folded = character.lower()
    return folded if len(folded) == 1 else character
