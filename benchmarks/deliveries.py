"""Deliveries a second of 1 kB events to one local receiver, beside a bare loop's POSTs.

Each attempt is stored durably, row by row, while the next ones are under way. The bare loop sends
the same body and headers, signed once, and stores nothing. Both take turns.
"""

from __future__ import annotations

import json
import time
from statistics import median

from django.utils import timezone

from benchmarks import database
from benchmarks.bare_loop import BareRequest, Speed, measure
from benchmarks.mailboxes import SIGNATURE_KEY
from benchmarks.rows import insert_deliveries
from benchmarks.stub import stub
from events import signature
from events.attempt import HEADERS
from events.models import Delivery, DeliveryAttempt
from events.tasks import deliver_until
from tests.all_due import deliver_all_due

BODY_SIZE = 1024  # bytes
IN_FLIGHT = 50  # what the engine allows one server: a quarter of DELIVERY_CONCURRENCY
DELIVERIES, QUICK_DELIVERIES = 60_000, 6_000
SLICE, QUICK_SLICE = 5.0, 0.8  # seconds


def run(*, quick: bool) -> dict[str, float]:
    deliveries = QUICK_DELIVERIES if quick else DELIVERIES
    database.fresh("deliveries")
    with stub(0, "{}") as receiver:
        url = f"{receiver}/events"
        insert_deliveries(deliveries, url, callback_body())
        database.vacuum()
        database.checkpoint()
        slices = _measure(url, deliveries, QUICK_SLICE if quick else SLICE)
    undelivered = Delivery.objects.exclude(status="delivered").count()
    if undelivered or DeliveryAttempt.objects.count() != deliveries:
        raise RuntimeError(f"{undelivered} notifications were not delivered")
    database.drop("deliveries")
    return {
        "delivery_ratio": median(ours.per_second / bare.per_second for bare, ours in slices),
        "deliveries_per_s": median(ours.per_second for _, ours in slices),
        "delivery_cpu_ms": median(ours.cpu_ms for _, ours in slices),
        "delivery_bare_per_s": median(bare.per_second for bare, _ in slices),
        "delivery_bare_cpu_ms": median(bare.cpu_ms for bare, _ in slices),
        "delivery_count": deliveries,
    }


def callback_body() -> str:
    """A callback body of BODY_SIZE bytes."""
    found = {"id": "18c2", "snippet": ""}
    room = BODY_SIZE - len(json.dumps({"message": found}))
    return json.dumps({"message": {**found, "snippet": "x" * room}})


def _measure(url: str, deliveries: int, seconds: float) -> list[tuple[Speed, Speed]]:
    """Pairs of slices, bare and ours, until everything is delivered."""
    body = callback_body().encode()
    headers = {**HEADERS, **signature.headers(SIGNATURE_KEY, f"msg_{1:032d}", body, timezone.now())}
    slices: list[tuple[Speed, Speed]] = []
    remaining, delivered = deliveries, deliveries // 6
    while remaining:
        bare = measure(
            BareRequest("POST", url, headers, body), calls=delivered, in_flight=IN_FLIGHT
        )
        delivered, ours = deliver(seconds if remaining > 2 * delivered or not slices else None)
        if not delivered:
            raise RuntimeError("the engine delivered nothing")
        remaining -= delivered
        slices.append((bare, ours))
    return slices


def deliver(seconds: float | None) -> tuple[int, Speed]:
    """How many attempts were made, and how fast; all that are due without `seconds`."""
    before = DeliveryAttempt.objects.count()
    began, cpu = time.perf_counter(), time.process_time()
    if seconds is None:
        deliver_all_due()
    else:
        deliver_until(time.monotonic() + seconds)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    delivered = DeliveryAttempt.objects.count() - before
    return delivered, Speed(delivered / took, cpu / max(delivered, 1) * 1000)
