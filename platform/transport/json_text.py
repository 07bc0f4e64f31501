"""Reads JSON that somebody else wrote, so that whatever comes out can be walked and written again.

Python's own reader takes JSON of nearly a thousand levels, which its writer then fails on when it
is called from deeper in the program: one such record could be read at each poll and never stored.
"""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 200  # levels; a mail of a hundred nested parts has them


class TooDeepError(ValueError):
    """The JSON is nested deeper than DEEPEST levels."""


def parse(text: bytes) -> Any:
    """The value. Raises ValueError when it is not JSON, or deeper than DEEPEST levels."""
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
