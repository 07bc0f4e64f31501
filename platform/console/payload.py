"""What others sent, as text for people: JSON laid out, and cut where it is too long for a page."""

from __future__ import annotations

import json
from typing import Any

LONGEST_TEXT = 100_000  # characters


def json_text(value: Any) -> str:
    """JSON laid out in lines."""
    return cut(json.dumps(value, indent=2, ensure_ascii=False))


def body_text(body: bytes) -> str:
    """A body laid out where it is JSON; else as it came."""
    try:
        return json_text(json.loads(body))
    except (ValueError, RecursionError):
        return cut(body.decode("utf-8", "replace"))


def cut(text: str) -> str:
    shown = text.encode("utf-8", "replace").decode()  # halves of surrogate pairs cannot be sent
    if len(shown) <= LONGEST_TEXT:
        return shown
    return f"{shown[:LONGEST_TEXT]}\n… {len(shown) - LONGEST_TEXT} characters more"
