"""Reads JSON that somebody else wrote, so that whatever comes out can be walked and written again.

Python's own reader takes JSON of nearly a thousand levels, which its writer then fails on when it
is called from deeper in the program: one such record could be read at each poll and never stored.
"""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 200  # levels; a mail of a hundred nested parts has them
MAX_VALUES = 1_000_000  # a thousand records of 1,000 fields; each takes some hundred bytes
PIECE = 65_536  # bytes looked at together


class TooDeepError(ValueError):
    """The JSON is nested deeper than DEEPEST levels."""


class TooManyValuesError(ValueError):
    """The JSON has more than MAX_VALUES values."""


def has_more_values(text: bytes, limit: int) -> bool:
    """Whether JSON has more than `limit` values, so that reading it would take too much memory.

    Looks at its punctuation alone; of what is no JSON the answer means nothing.
    """
    if _punctuation(text) <= limit:
        return False
    found, start, within_text = 0, 0, 0
    while start < len(text):
        end = start + PIECE
        piece = text[start:end]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # what the last one escapes belongs to it
            end += 1
        piece = text[start:end].replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = piece.split(b'"')  # in turn beside texts and within them
        found += _punctuation(b"".join(parts[within_text::2]))
        if found > limit:
            return True
        within_text = (within_text + len(parts) - 1) % 2
        start = end
    return False


def _punctuation(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def parse(text: bytes) -> Any:
    """The value. Raises ValueError when it is not JSON, deeper than DEEPEST levels, or of more
    than MAX_VALUES values."""
    if has_more_values(text, MAX_VALUES):
        raise TooManyValuesError
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooDeepError from None
    # What opens fewer brackets than that cannot be too deep: most answers need no walk.
    if isinstance(value, dict | list) and text.count(b"[") + text.count(b"{") > DEEPEST:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise TooDeepError
