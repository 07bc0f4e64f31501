"""Stores what polls came to, many in one transaction: each whole, or not at all.

Rule 1: the fence. Only who still holds a row's lease may write; else all that was found is
dropped, for somebody else has the row, or it is polled no more. The cursor has not moved, so
whoever polls next finds it again.
Rule 2: events, deliveries, seen objects, put-aside objects and the cursor move together.
Rule 3: a failed poll moves no cursor.
Rule 4: nobody's lock is waited for: the thread that stores serves all organizations, and deleting
an instance may take minutes. What somebody else has locked is handed back.
Rule 5: one of many that cannot be stored is stored by itself (polling.store).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import random
from typing import NamedTuple

import structlog
from django.db import transaction

from elements.calls import Change, ChangeType
from events.changes import Found, Target, lock_targets, record_found
from events.payload import Source
from events.record import hub_of
from polling import due, idle, reconciliation, rows, runs, seen
from polling.claim import LEASE
from polling.poll import Cost, Failed, Outcome, PutOff, Succeeded
from polling.put_aside import NOTHING, PutAside, Waiting, discard, waiting
from polling.report import PollReport, dropped, report_of
from polling.rows import Fenced, InstanceRow
from watching.notices import note_unannounced

log = structlog.get_logger()

LONGEST_NOTE = 1000  # characters that we keep


def commit(outcome: Outcome, now: datetime, *, keep_lease: bool = False) -> PollReport | None:
    """Stores one outcome. With `keep_lease` the row stays ours when more is due at once.

    None: somebody is changing the instance just now; nothing is stored, try again. Raises the
    errors of the database.
    """
    if isinstance(outcome, PutOff):
        idle.commit_put_off([idle.off(outcome, now)])
        left = waiting(outcome.resource.id, now)
        return PollReport(
            outcome.resource.name, "waiting", put_aside=left.count, error=outcome.error
        )
    if isinstance(outcome, Succeeded) and outcome.idle:
        idle.commit_idle([idle.idle(outcome, now)])
        return PollReport(outcome.resource.name, "idle")
    return commit_many([outcome], now, keep_lease=keep_lease)[0]


class Failure(NamedTuple):
    """One poll that failed. `place` is that in its batch."""

    place: int
    failed: Failed
    row: Fenced


@dataclass(slots=True, eq=False)
class Poll:
    """One poll that succeeded, on its way into the tables. `place` is that in its batch."""

    place: int
    done: Succeeded
    row: Fenced
    instance: InstanceRow
    target: Target | None
    put_aside: PutAside
    news: list[Change] = field(default_factory=list)
    newly_put_aside: int = 0
    left: Waiting = NOTHING
    report: PollReport = field(init=False)


def commit_many(
    outcomes: Sequence[Succeeded | Failed], now: datetime, *, keep_lease: bool = False
) -> list[PollReport | None]:
    """Stores many outcomes in one transaction; returns their reports, None as `commit` does.

    1. Lock the instances, their subscriptions and the rows whose lease is still ours.
    2. Leave out what events have told already.
    3. Remember the objects, or all of them anew; settle, keep and add put-aside ones.
    4. Write a run of each poll that has something to tell.
    5. Record the news as events of those runs, with their deliveries.
    6. Move cursors and times, and give the rows back.
    """
    reports: list[PollReport | None] = [None] * len(outcomes)
    with transaction.atomic():
        polls, failures = _ours(outcomes, reports)
        _find_news(polls)
        _remember(polls)
        for poll in polls:
            poll.newly_put_aside = poll.put_aside.store(now, cut_short=poll.done.cut_short)
            poll.left = _left(poll, now)
            poll.report = report_of(poll.done, poll.news, poll.left)
        _record(polls, failures, now)
        _move(polls, now, keep_lease=keep_lease)
        _fail(failures, now)
    for poll in polls:
        reports[poll.place] = poll.report
        _tell(poll)
    for place, failed, row in failures:
        reports[place] = PollReport(failed.resource.name, "failed", error=failed.error)
        if row.error != failed.error:
            log.warning("poll.failed", resource=row.id, error=failed.error)
    return reports


def _ours(
    outcomes: Sequence[Succeeded | Failed], reports: list[PollReport | None]
) -> tuple[list[Poll], list[Failure]]:
    """Locks all that is written of what is still ours, and reports what is not."""
    telling = {
        one.resource.instance_id
        for one in outcomes
        if isinstance(one, Succeeded) and one.changes.changes
    }
    instances, busy = rows.lock_instances({one.resource.instance_id for one in outcomes})
    telling &= instances.keys()
    targets, busy_targets = lock_targets(telling) if telling else ({}, set())
    busy |= busy_targets
    held = [
        one.resource
        for one in outcomes
        if one.resource.instance_id in instances and one.resource.instance_id not in busy
    ]
    fenced, busy_rows = rows.fence(held) if held else ({}, set())
    polls: list[Poll] = []
    failures: list[Failure] = []
    for place, one in enumerate(outcomes):
        resource = one.resource
        lease = resource.id, resource.lease_id
        if resource.instance_id in busy or lease in busy_rows:
            continue
        if (row := fenced.get(lease)) is None:
            reports[place] = dropped(resource)
        elif isinstance(one, Failed):
            failures.append(Failure(place, one, row))
        else:
            put_aside = PutAside(
                resource.id, one.asked, one.changes, any_rows=row.put_aside_due_at is not None
            )
            instance = instances[resource.instance_id]
            polls.append(Poll(place, one, row, instance, targets.get(instance.pk), put_aside))
    return polls, failures


def _find_news(polls: Sequence[Poll]) -> None:
    known = seen.known_of(
        {poll.row.id: {one.object_id for one in poll.done.changes.changes} for poll in polls}
    )
    for poll in polls:
        poll.news = seen.news(poll.done.changes.changes, known[poll.row.id], poll.put_aside.created)


def _remember(polls: Sequence[Poll]) -> None:
    forgotten: list[tuple[int, str]] = []
    noticed: list[seen.State] = []
    told: list[seen.State] = []
    for poll in polls:
        found, resource_id = poll.done.changes, poll.row.id
        if found.picture is not None:
            seen.replace_all(resource_id, found.picture)
            discard(resource_id)
        last = {change.object_id: change for change in poll.news}
        for change in last.values():
            if found.compared and change.change_type is ChangeType.DELETED:
                forgotten.append((resource_id, change.object_id))
            else:
                told.append(
                    seen.State(
                        resource_id,
                        change.object_id,
                        seen.fingerprint_of(change),
                        change.occurred_at,
                    )
                )
        forgotten += [(resource_id, id_) for id_ in found.forgotten]
        noticed += [seen.State(resource_id, *state) for state in found.noticed.items()]
    seen.forget(forgotten)
    seen.notice(noticed)
    seen.remember(told)


def _left(poll: Poll, now: datetime) -> Waiting:
    """What is put aside. Where the row says of nothing and nothing was added there is none."""
    if poll.row.put_aside_due_at is None and not poll.newly_put_aside:
        return NOTHING
    return waiting(poll.row.id, now)


def _record(polls: Sequence[Poll], failures: Sequence[Failure], now: datetime) -> None:
    """Writes runs and the events of them."""
    telling = [
        poll
        for poll in polls
        if poll.report.status != "idle"
        or poll.newly_put_aside
        or poll.done.left_out != poll.done.resource.left_out
    ]
    written = runs.write(
        [
            *(runs.of_success(poll.done, poll.report, poll.newly_put_aside) for poll in telling),
            *(runs.of_failure(failed) for _, failed, row in failures if row.error != failed.error),
        ],
        now,
    )
    hubs: dict[tuple[str, int], str] = {}
    found = [
        Found(
            _source(poll.instance, hubs),
            poll.done.resource.name,
            poll.news,
            poll.target,
            written[poll.row.id],
        )
        for poll in telling
    ]
    for poll, events in zip(telling, record_found(found, now), strict=True):
        poll.report = replace(poll.report, events=tuple(events))
    note_unannounced(
        [
            (poll.instance.pk, poll.instance.element_key, poll.done.resource.name)
            for poll in telling
            if poll.report.found and not poll.row.told_since(poll.row.last_polled_at)
        ]
    )


def _source(instance: InstanceRow, hubs: dict[tuple[str, int], str]) -> Source:
    """`hubs` has those of the elements that were looked up for this transaction."""
    key = instance.element_key, instance.organization_id
    if (hub := hubs.get(key)) is None:
        hub = hubs[key] = hub_of(*key)
    return Source(
        instance_id=instance.pk,
        organization_id=instance.organization_id,
        account_id=instance.account_id,
        user_id=instance.user_id,
        name=instance.name,
        tags=instance.tags,
        element_key=instance.element_key,
        hub=hub,
    )


def _move(polls: Sequence[Poll], now: datetime, *, keep_lease: bool) -> None:
    rows.move([_moved(poll, now, keep_lease=keep_lease) for poll in polls])


def _moved(poll: Poll, now: datetime, *, keep_lease: bool) -> rows.Moved:
    done, resource = poll.done, poll.done.resource
    columns = reconciliation.columns(resource, done.changes, done.started_at)
    return rows.Moved(
        id=resource.id,
        cursor=done.changes.cursor,
        watched_since=resource.watched_since or done.started_at,
        next_poll_at=due.with_put_aside(_next_poll_at(poll, now), poll.left.due_at, now),
        put_aside_due_at=poll.left.due_at,
        behind_since=done.behind_since,
        keeps_reconciliation="reconciliation" not in columns,
        reconciliation=columns.get("reconciliation"),
        started_at=done.started_at,
        note=done.changes.note[:LONGEST_NOTE],
        left_out=done.left_out,
        units_day=done.cost.day,
        units_today=_units_today(poll.row, done.cost),
        kept_until=now + LEASE if keep_lease and poll.report.more else None,
    )


def _next_poll_at(poll: Poll, now: datetime) -> datetime:
    done, row = poll.done, poll.row
    if done.changes.more:
        return now + timedelta(seconds=done.pause)
    if row.told_at is not None and row.told_since(done.started_at):
        return row.told_at
    next_poll_at = due.after_success(row.due, row.interval, now)
    if done.resource.cursor is None:  # so that many started together do not fall due together
        next_poll_at = now + (next_poll_at - now) * random()  # noqa: S311 - spreads load
    return next_poll_at


def _fail(failures: Sequence[Failure], now: datetime) -> None:
    rows.fail(
        [
            rows.Unmoved(
                id=row.id,
                next_poll_at=due.after_failure(
                    row.failures + 1,
                    row.interval,
                    now,
                    retry_after=failed.retry_after,
                    started=row.cursor is not None,
                ),
                started_at=failed.started_at,
                failures=row.failures + 1,
                error=failed.error,
                units_day=failed.cost.day,
                units_today=_units_today(row, failed.cost),
            )
            for _, failed, row in failures
        ]
    )


def _units_today(row: Fenced, cost: Cost) -> int:
    return cost.units + (row.units_today if row.units_day == cost.day else 0)


def _tell(poll: Poll) -> None:
    log.info(
        "poll.stored",
        resource=poll.row.id,
        status=poll.report.status,
        found=poll.report.found,
        put_aside=poll.report.put_aside,
        events=list(poll.report.events),
    )
