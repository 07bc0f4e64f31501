"""What a poll noticed and no event tells, kept with its run, so that a person can be told why.

A poll that only left something out writes a run when that is not what was left out the last time:
a window is often read twice, and a condition leaves out the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from elements.calls import Changes, Filtered
from elements.listing import digest
from events.record import storable
from polling.models import PollRun

MISSING = "missing"  # gone before it could be read
FILTERED = "filtered"  # left out by a rule of its entry
MOST_MISSING = 1_000  # of one poll that are noted; PollRun.missing counts them all
MOST_FILTERED = 100
LONGEST_RULE = 500  # characters


def noted(found: Changes) -> list[dict[str, str]]:
    """As PollRun.untold has it: [{"objectId", "why"}], filtered ones with their "rule"."""
    missing = [{"objectId": storable(id_), "why": MISSING} for id_ in found.missing[:MOST_MISSING]]
    filtered = [
        {
            "objectId": storable(one.object_id),
            "why": FILTERED,
            "rule": storable(one.rule[:LONGEST_RULE]),
        }
        for one in found.filtered[:MOST_FILTERED]
    ]
    return [*missing, *filtered]


def digest_of(filtered: Sequence[Filtered]) -> str:
    """Tells one set of what was left out from another; empty for none."""
    if not filtered:
        return ""
    return digest("\0".join(sorted(f"{one.object_id}\0{one.rule}" for one in filtered)))


def runs_without(object_id: str) -> QuerySet[PollRun]:
    """The runs that noticed the object and told nothing of it, of whichever organization."""
    # The second condition is the index's own: PollRun.Meta.
    return PollRun.objects.filter(untold__contains=[{"objectId": object_id}]).exclude(untold=[])
