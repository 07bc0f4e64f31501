"""For workers that are killed: a short list has several pages and batches there."""

from __future__ import annotations

from bulk import fetch


def install() -> None:
    fetch.LARGEST_PAGE, fetch.BATCH = 7, 5
