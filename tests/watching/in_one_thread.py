"""The line's work in the thread that calls it, for a worker that is killed at its statements."""

from __future__ import annotations

from django.utils import timezone

from watching import claim, keep


def keep_all_due() -> None:
    while rows := claim.claim_due(1, timezone.now()):
        for row in rows:
            keep.keep(row)
