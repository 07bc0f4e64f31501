"""How late callbacks arrive at 70 % of the load that the engine can do on this machine.

What it can do is found first: deliveries a second of a backlog. Then, in rounds, as many events as
that allows fall due evenly. How late one is counts from the moment at which it was due to its first
byte at the receiver, on one clock: PostgreSQL and the receiver run on this machine.
"""

from __future__ import annotations

import time
from datetime import timedelta
from statistics import median, quantiles

import requests
from django.utils import timezone

from benchmarks import database
from benchmarks.deliveries import callback_body, deliver
from benchmarks.rows import insert_deliveries
from benchmarks.stub import serving
from events.models import Delivery
from events.tasks import deliver_until

LOAD = 0.7
BACKLOG, QUICK_BACKLOG = 30_000, 6_000
SLICE, QUICK_SLICE = 5.0, 1.0  # seconds
SECONDS, QUICK_SECONDS = 20, 5
ROUNDS, QUICK_ROUNDS = 3, 1
WARM = 2  # seconds that are not measured
AFTERWARDS = 2  # seconds in which the last ones may still be late
AHEAD = 10  # seconds until the first event is due: long enough to insert all


def run(*, quick: bool) -> dict[str, float]:
    load = LOAD * _capacity(QUICK_BACKLOG if quick else BACKLOG, QUICK_SLICE if quick else SLICE)
    rounds = [
        _late(load, QUICK_SECONDS if quick else SECONDS)
        for _ in range(QUICK_ROUNDS if quick else ROUNDS)
    ]
    database.drop("delivery_late")
    return {
        "delivery_late_p99_ms": median(quantiles(one, n=100)[98] for one in rounds) * 1000,
        "delivery_late_p50_ms": median(median(one) for one in rounds) * 1000,
        "delivery_late_per_s": load,
    }


def _capacity(backlog: int, seconds: float) -> float:
    """Deliveries a second, where more are due than can be sent in that time."""
    database.fresh("delivery_late")
    with serving("benchmarks.arrivals") as receiver:
        insert_deliveries(backlog, f"{receiver}/events", callback_body())
        database.vacuum()
        database.checkpoint()
        _, speed = deliver(seconds)
    return speed.per_second


def _late(load: float, seconds: int) -> list[float]:
    """How late each callback was, in seconds; of those that fell due after the first WARM."""
    count = round(load * (WARM + seconds))
    database.fresh("delivery_late")
    with serving("benchmarks.arrivals") as receiver:
        begins = timezone.now() + timedelta(seconds=AHEAD)
        insert_deliveries(
            count,
            f"{receiver}/events",
            callback_body(),
            due=f"'{begins.isoformat()}'::timestamptz + (n - 1) * interval '1 s' / {load}",
        )
        database.vacuum()
        database.checkpoint()
        ahead = (begins - timezone.now()).total_seconds()
        if ahead < 0:
            raise RuntimeError(f"{count} deliveries were not inserted within {AHEAD} s")
        deliver_until(time.monotonic() + ahead + WARM + seconds + AFTERWARDS)
        arrivals = requests.get(f"{receiver}/arrivals", timeout=60).json()
    due = dict(Delivery.objects.values_list("webhook_id", "created_at"))
    if dict.fromkeys(due, 1) != {key: len(one) for key, one in arrivals.items()}:
        raise RuntimeError(f"{len(arrivals)} of {count} callbacks arrived, or one twice")
    measured_from = begins + timedelta(seconds=WARM)
    return [
        arrivals[webhook_id][0] - at.timestamp()
        for webhook_id, at in due.items()
        if at >= measured_from
    ]
