"""Idle polls a second of one worker process, beside a bare loop that makes the same requests.

The provider is a stub that answers Gmail's history.list after 50 ms with no change. All resources
are due at the start and every one is polled. The bare loop and the engine take turns, so that
both meet the same weather on the machine.

With the default of 200 in flight, the latency alone bounds both to 4,000 a second. The figures
with 400 in flight, where only the CPU bounds them, stand beside it.

What is written to PostgreSQL's log is counted afterwards, in rounds in which a part of the polled
resources is due anew: by then no page is changed for the first time since the checkpoint, which
writes it whole. The least of the rounds counts, for a page that is split adds to the others.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from itertools import cycle
from statistics import median

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from benchmarks import database
from benchmarks.bare_loop import BareRequest, Speed, measure
from benchmarks.rows import CURSOR, access_token, insert_mailboxes
from benchmarks.stub import stub
from integrations.gmail.history import HISTORY, RECORDS_A_PAGE
from polling.models import PollingResource
from polling.tasks import poll_until
from tests.all_due import poll_all_due
from transport.outgoing import COMMON_HEADERS

LATENCY = 0.05  # seconds
ANSWER = f'{{"historyId":"{CURSOR}"}}'
RESOURCES, QUICK_RESOURCES = 100_000, 10_000
SLICE, QUICK_SLICE = 4.0, 1.0  # seconds
WAL_ROUNDS, WAL_PART = 5, 20  # a twentieth of the resources a round
IN_FLIGHT, MANY_IN_FLIGHT = 200, 400  # the default of POLL_CONCURRENCY, and twice that
Slices = list[tuple[Speed, Speed]]  # the bare loop's and ours, one after the other


def run(*, quick: bool) -> dict[str, float]:
    resources = QUICK_RESOURCES if quick else RESOURCES
    database.fresh("idle_polls")
    minute = timedelta(minutes=1)
    insert_mailboxes(resources, timezone.now() - minute, minute)
    database.vacuum()
    database.checkpoint()
    with stub(LATENCY, ANSWER) as provider:
        os.environ["GMAIL_API_BASE_URL"] = provider
        slices = _measure(provider, resources, QUICK_SLICE if quick else SLICE)
        wal = min(_wal_of_a_poll(number) for number in range(WAL_ROUNDS))
    unpolled = (
        resources
        - PollingResource.objects.filter(
            last_success_at__isnull=False, cursor=CURSOR, failures=0, lease_id__isnull=True
        ).count()
    )
    if unpolled:
        raise RuntimeError(f"{unpolled} resources were not polled")
    database.drop("idle_polls")
    usual, many = slices[IN_FLIGHT], slices[MANY_IN_FLIGHT]
    return {
        "idle_poll_ratio": median(ours.per_second / bare.per_second for bare, ours in usual),
        "idle_polls_per_s": median(ours.per_second for _, ours in usual),
        "idle_poll_cpu_ms": median(ours.cpu_ms for _, ours in usual),
        "idle_poll_bare_per_s": median(bare.per_second for bare, _ in usual),
        "idle_poll_bare_cpu_ms": median(bare.cpu_ms for bare, _ in usual),
        "idle_poll_ratio_400": median(ours.per_second / bare.per_second for bare, ours in many),
        "idle_polls_per_s_400": median(ours.per_second for _, ours in many),
        "idle_poll_bare_per_s_400": median(bare.per_second for bare, _ in many),
        "idle_poll_wal_bytes": wal,
        "idle_poll_resources": resources,
    }


def _measure(provider: str, resources: int, seconds: float) -> dict[int, Slices]:
    """Pairs of slices by how many are in flight, until every resource is polled."""
    slices: dict[int, Slices] = {IN_FLIGHT: [], MANY_IN_FLIGHT: []}
    remaining, polled = resources, resources // 10
    for in_flight in cycle(slices):
        settings.POLL_CONCURRENCY = in_flight
        bare = measure(
            BareRequest(
                "GET",
                f"{provider}{HISTORY}?startHistoryId={CURSOR}&maxResults={RECORDS_A_PAGE}",
                {**COMMON_HEADERS, "Authorization": f"Bearer {access_token(1)}"},
            ),
            calls=polled,
            in_flight=in_flight,
        )
        # The last slice takes the rest, rather than wait for its end with nothing to poll.
        polled, ours = _poll(seconds if remaining > 2 * polled else None)
        if not polled:
            raise RuntimeError("the engine polled nothing")
        slices[in_flight].append((bare, ours))
        remaining -= polled
        if not remaining:
            break
    return slices


def _poll(seconds: float | None) -> tuple[int, Speed]:
    """How many resources were polled, and how fast; all that are due without `seconds`."""
    started = timezone.now()
    began, cpu = time.perf_counter(), time.process_time()
    if seconds is None:
        poll_all_due()
    else:
        poll_until(time.monotonic() + seconds)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    polled = PollingResource.objects.filter(last_success_at__gte=started).count()
    return polled, Speed(polled / took, cpu / max(polled, 1) * 1000)


def _wal_of_a_poll(number: int) -> float:
    """Bytes that PostgreSQL writes to its log for one poll, from its claim to its stored end."""
    due = PollingResource.objects.alias(part=F("pk") % WAL_PART).filter(part=number)
    polls = due.update(next_poll_at=timezone.now())
    before = database.written_to_log()
    poll_all_due()
    return (database.written_to_log() - before) / polls
