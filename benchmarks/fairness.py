"""What a dead and a slow endpoint cost a healthy one: how late its events leave, alone and beside.

Events of each fall due evenly, in the same time. The dead endpoint refuses every connection; the
slow one answers after 14 s, just within the time-out. They begin, and what is measured begins,
when the engine has warmed up for WARM seconds. Runs alone and beside take turns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from django.db import connection
from django.utils import timezone

from benchmarks import database
from benchmarks.mailboxes import SIGNATURE_KEY
from benchmarks.rows import INTERVAL, insert, insert_mailboxes
from benchmarks.stub import stub
from demo.processes import free_port
from events.models import Delivery, Event, Subscription
from events.tasks import deliver_until
from instances.models import ElementInstance

RATE = 100  # events a second, of each endpoint
SECONDS, QUICK_SECONDS = 20, 5
PAIRS, QUICK_PAIRS = 5, 1
SLOW = 14.0  # seconds
WARM = 2  # seconds
HEALTHY = 1  # the id of its subscription
AHEAD = timedelta(seconds=1)  # until the first event is due
LATENESS = """
SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY a.started_at - d.created_at), count(*)
  FROM events_deliveryattempt a
  JOIN events_delivery d ON d.id = a.delivery_id
 WHERE d.subscription_id = %s AND a.status_code = 200 AND d.created_at >= %s
"""


def run(*, quick: bool) -> dict[str, float]:
    seconds = QUICK_SECONDS if quick else SECONDS
    alone: list[float] = []
    beside: list[float] = []
    with stub(0, "{}") as healthy, stub(SLOW, "{}") as slow:
        dead = f"http://127.0.0.1:{free_port()}"
        for _ in range(QUICK_PAIRS if quick else PAIRS):
            alone.append(_lateness([healthy], seconds))
            beside.append(_lateness([healthy, dead, slow], seconds))
    database.drop("fairness")
    return {
        "fairness_p99_ratio": median(b / a for a, b in zip(alone, beside, strict=True)),
        "fairness_alone_p99_ms": median(alone) * 1000,
        "fairness_beside_p99_ms": median(beside) * 1000,
    }


def _lateness(servers: Sequence[str], seconds: int) -> float:
    """The 99th percentile of the first one's: seconds from an event's due time to its attempt."""
    database.fresh("fairness")
    _insert(servers, seconds)
    database.vacuum()
    database.checkpoint()
    # What was inserted falls due from now on.
    begins = timezone.now() + AHEAD
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_delivery SET created_at = due, next_attempt_at = due FROM ("
            "SELECT id, %s + ((id - 1) %% %s) * interval '1 s' / %s"
            "           + CASE WHEN subscription_id = %s THEN 0 ELSE %s END * interval '1 s' AS due"
            "  FROM events_delivery"
            ") AS times WHERE times.id = events_delivery.id",
            [begins, (WARM + seconds) * RATE, RATE, HEALTHY, WARM],
        )
    deliver_until(time.monotonic() + WARM + seconds + 2 * AHEAD.total_seconds())
    with connection.cursor() as cursor:
        cursor.execute(LATENESS, [HEALTHY, begins + timedelta(seconds=WARM)])
        p99, arrived = cursor.fetchone()
    if arrived != seconds * RATE:
        raise RuntimeError(f"{arrived} of {seconds * RATE} events have arrived")
    return float(p99.total_seconds())


def _insert(servers: Sequence[str], seconds: int) -> None:
    now = timezone.now()
    insert_mailboxes(len(servers), now + timedelta(days=1), timedelta(seconds=INTERVAL))
    each = (WARM + seconds) * RATE
    for number, server in enumerate(servers, 1):
        organization = ElementInstance.objects.get(pk=number).organization
        Subscription(
            pk=number,
            organization=organization,
            instance_id=number,
            url=f"{server}/events",
            origin=server,
            signature_key=SIGNATURE_KEY,
        ).save(force_insert=True)
        key = f"n + {(number - 1) * each}"
        insert(
            Event(
                organization=organization,
                instance_id=number,
                object_type="changed-messages",
                body="{}",
                created_at=now,
                status="DISPATCHED",
            ),
            each,
            {"id": key},
        )
        insert(
            Delivery(
                organization=organization,
                subscription_id=number,
                created_at=now,
                next_attempt_at=now + timedelta(days=1),
            ),
            each,
            {"id": key, "event_id": key, "webhook_id": f"'msg_' || lpad(({key})::text, 32, '0')"},
        )
