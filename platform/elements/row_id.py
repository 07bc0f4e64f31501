"""Reads the id of a row out of what somebody has sent."""

from __future__ import annotations

LARGEST_ID = 2**63 - 1  # PostgreSQL's bigint


def row_id(digits: str) -> int | None:
    """The id, from the digits that an address, a header or a search has; None for what is none."""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST_ID))):
        return None
    number = int(digits)
    return number if number <= LARGEST_ID else None
