"""The loop's work in the thread that calls it, for a worker that is killed at its statements."""

from __future__ import annotations

from django.utils import timezone

from instances import cleanup


def clean_all_due() -> None:
    while rows := cleanup.claim_due(1, timezone.now()):
        for row in rows:
            cleanup.clean(row)
