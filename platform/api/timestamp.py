"""Writes dates as the API has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def timestamp(at: datetime) -> str: ...
@overload
def timestamp(at: None) -> None: ...
def timestamp(at: datetime | None) -> str | None:
    """UTC, to the second: 2016-06-01T04:09:10Z. None of nothing."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
