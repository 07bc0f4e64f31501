"""Changes a second of one process: from a poll that finds one to its delivery.

Each mailbox has one new message: history.list, messages.get, a callback that is signed twice. The
bare loop makes the same three requests and stores nothing. Both take turns. What does not balance
in the end, by the receiver's count and by every table, voids the run.

Statements are counted as the process sends them, each COMMIT as one. The WAL is what PostgreSQL
wrote from the first claim to the last settled delivery; the whole pages that it writes after a
checkpoint are not in it, for there is none. Units are paid under Gmail's own limits, where the
other benchmarks have none: a message costs more than an account's polls may spend uncounted.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median
from typing import Any
from unittest.mock import patch

import requests
from django.db import connection
from django.utils import timezone

from benchmarks import database
from benchmarks.bare_loop import BareRequest, Speed, measure
from benchmarks.mailboxes import (
    BARE_CALLBACK,
    CALLBACK,
    HISTORY,
    MESSAGE,
    NOW,
    SIGNATURE_KEY,
    START,
    message_id,
)
from benchmarks.rows import access_token, insert_mailboxes, insert_subscriptions
from benchmarks.stub import serving
from elements import built_in
from events import signature
from events.attempt import HEADERS
from events.models import Delivery, DeliveryAttempt, Event
from integrations.gmail.history import RECORDS_A_PAGE
from integrations.gmail.units import GENERATION, quota_of
from polling.models import PolledObject, PollingResource, PollRun
from tests.all_due import deliver_all_due, poll_all_due
from transport.outgoing import COMMON_HEADERS

MAILBOXES, QUICK_MAILBOXES = 20_000, 1_000
ROUNDS = 5
IN_FLIGHT = 200


@dataclass(frozen=True, slots=True)
class Round:
    """One part of the mailboxes, polled and delivered."""

    bare: Speed
    ours: Speed
    polls_per_s: float
    statements: int
    wal: int  # bytes
    delivery_wal: int  # of them, from the claim of the deliveries on


def run(*, quick: bool) -> dict[str, float]:
    mailboxes = QUICK_MAILBOXES if quick else MAILBOXES
    database.fresh("changes")
    with serving("benchmarks.mailboxes") as address:
        os.environ["GMAIL_API_BASE_URL"] = address
        insert_mailboxes(mailboxes, timezone.now() + timedelta(days=1), timedelta(minutes=1))
        insert_subscriptions(f"{address}{CALLBACK}", mailboxes)
        database.vacuum()
        with _limits_of_gmail():
            rounds = [_round(address, number, mailboxes) for number in range(ROUNDS)]
        _require_balance(address, mailboxes)
    database.drop("changes")
    part = mailboxes / ROUNDS
    return {
        "change_ratio": median(one.ours.per_second / one.bare.per_second for one in rounds),
        "changes_per_s": median(one.ours.per_second for one in rounds),
        "change_polls_per_s": median(one.polls_per_s for one in rounds),
        "change_cpu_ms": median(one.ours.cpu_ms for one in rounds),
        "change_bare_per_s": median(one.bare.per_second for one in rounds),
        "change_bare_cpu_ms": median(one.bare.cpu_ms for one in rounds),
        "change_statements": median(one.statements / part for one in rounds),
        "change_wal_bytes": median(one.wal / part for one in rounds),
        "delivery_wal_bytes": median(one.delivery_wal / part for one in rounds),
        "change_mailboxes": mailboxes,
    }


@contextmanager
def _limits_of_gmail() -> Iterator[None]:
    elements = built_in.elements()
    gmail = replace(elements["gmail"], quota=quota_of(GENERATION, {}))
    with patch.dict(elements, gmail=gmail):
        yield


def _round(address: str, number: int, mailboxes: int) -> Round:
    part = mailboxes // ROUNDS
    bare = _bare(address, part)
    first = number * part + 1
    PollingResource.objects.filter(pk__range=(first, first + part - 1)).update(
        next_poll_at=timezone.now()
    )
    wal = _wal_position()
    began, cpu = time.perf_counter(), time.process_time()
    with counted_statements() as statements:
        poll_all_due()
    polled, delivering = time.perf_counter() - began, _wal_position()
    deliver_all_due()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Round(
        bare,
        Speed(part / took, cpu / part * 1000),
        part / polled,
        statements(),
        _wal_position() - wal,
        _wal_position() - delivering,
    )


def _bare(address: str, calls: int) -> Speed:
    headers = {**COMMON_HEADERS, "Authorization": f"Bearer {access_token(1)}"}
    history = f"{address}{HISTORY}?startHistoryId={START}&maxResults={RECORDS_A_PAGE}"
    body = _body()
    signed = signature.headers(SIGNATURE_KEY, f"msg_{1:032d}", body, timezone.now())
    return measure(
        BareRequest("GET", history, headers),
        BareRequest("GET", f"{address}{MESSAGE}{message_id(1)}?format=metadata", headers),
        BareRequest("POST", f"{address}{BARE_CALLBACK}", {**HEADERS, **signed}, body),
        calls=calls,
        in_flight=IN_FLIGHT,
    )


def _body() -> bytes:
    """As large as the callbacks are."""
    return json.dumps({"message": {"raw": "x" * 2_000}}).encode()


@contextmanager
def counted_statements() -> Iterator[Callable[[], int]]:
    """Count what this thread's connection is asked, commits included."""
    count = 0

    def around(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        count += 1
        return execute(sql, params, many, context)

    commit = getattr(connection, "_commit")  # noqa: B009 - Django's type stubs lack it

    def committed() -> None:
        nonlocal count
        count += 1
        commit()

    with patch.object(connection, "_commit", committed), connection.execute_wrapper(around):
        yield lambda: count


def _wal_position() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return int(cursor.fetchone()[0])


def _require_balance(address: str, mailboxes: int) -> None:
    """Raise RuntimeError unless each message was stored, told and delivered exactly once."""
    received = requests.get(f"{address}/received", timeout=60).json()
    if received["forged"] or received["objects"] != {
        message_id(number): 1 for number in range(1, mailboxes + 1)
    }:
        raise RuntimeError(
            f"of {mailboxes} changes {len(received['objects'])} arrived, in "
            f"{sum(received['objects'].values())} callbacks; {received['forged']} were forged"
        )
    counts = {
        "events": Event.objects.count(),
        "deliveries": Delivery.objects.filter(status="delivered").count(),
        "attempts": DeliveryAttempt.objects.filter(status_code=200).count(),
        "runs": PollRun.objects.filter(found=1, outcome="found").count(),
        "objects": PolledObject.objects.count(),
        "cursors": PollingResource.objects.filter(
            cursor=NOW, failures=0, lease_id__isnull=True
        ).count(),
    }
    if set(counts.values()) != {mailboxes}:
        raise RuntimeError(f"{mailboxes} changes do not balance: {counts}")
