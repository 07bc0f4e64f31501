"""What is to be said of one poll."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from elements.calls import Change, ChangeType
from polling.claim import ClaimedResource
from polling.poll import Succeeded
from polling.put_aside import Waiting

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll came to, as it was stored.

    `status` is found, idle, started, recovered, reconciled, failed, waiting when the provider's
    quota had no units left for it, or dropped when the lease was lost.
    `put_aside` counts what waits now; `more` says that some of it only waits its turn, or that
    there was more to find, so that the next poll is due at once.
    """

    resource: str
    status: str
    created: int = 0
    updated: int = 0
    deleted: int = 0
    missing: int = 0
    put_aside: int = 0
    events: tuple[int, ...] = ()
    error: str = ""
    gap_seconds: int | None = None
    more: bool = False

    @property
    def found(self) -> int:
        return self.created + self.updated + self.deleted


def dropped(resource: ClaimedResource) -> PollReport:
    """The report of a poll of which nothing was stored."""
    log.info("poll.dropped", resource=resource.id)
    return PollReport(resource.name, "dropped", error="the resource was taken back meanwhile")


def report_of(done: Succeeded, news: Sequence[Change], left: Waiting) -> PollReport:
    """What is to be said of a poll that succeeded, but for the events that it made."""
    kinds = Counter(change.change_type for change in news)
    gap, ended = done.changes.gap, done.changes.reconciliation
    if gap is not None:
        status = "recovered"
    elif ended is not None and ended.finished:
        status = "reconciled"
    elif done.resource.cursor is None or done.changes.picture is not None:
        status = "started"
    else:
        status = "found" if news or done.changes.missing else "idle"
    return PollReport(
        resource=done.resource.name,
        status=status,
        created=kinds[ChangeType.CREATED],
        updated=kinds[ChangeType.UPDATED],
        deleted=kinds[ChangeType.DELETED],
        missing=len(done.changes.missing),
        put_aside=left.count,
        gap_seconds=None if gap is None else round((gap.until - gap.since).total_seconds()),
        more=(left.due_now or done.changes.more) and not done.pause,
    )
