"""What a second worker host adds: deliveries and idle polls a second with two hosts and with one.

Each host is `qcluster`, as the Procfile starts it; two on one machine share the loops as two
machines do. Provider and receiver are a stub that answers after 50 ms, and each host may have so
few in flight that this latency bounds it, and not the processors. Windows with one host and with
two take turns; what was done in each is read from the rows afterwards.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from statistics import median

from django.utils import timezone

from benchmarks import database
from benchmarks.deliveries import callback_body
from benchmarks.rows import (
    CURSOR,
    SUBSCRIPTIONS,
    insert_mailboxes,
    insert_notifications,
    insert_subscriptions,
)
from benchmarks.stub import stub
from benchmarks.web import database_url
from demo.processes import ROOT, procfile
from events.models import Delivery, DeliveryAttempt
from polling.models import PollingResource
from worker.models import LoopLease

LATENCY = 0.05  # seconds
ANSWER = f'{{"historyId":"{CURSOR}"}}'
POLLS_IN_FLIGHT = 5  # of one host: at most 100 a second
DELIVERIES_IN_FLIGHT = 20  # of one host, ten of them at one server: at most 200 a second
DUE, QUICK_DUE = 40_000, 12_000  # resources, and deliveries: more than all windows need
WINDOW, QUICK_WINDOW = 12.0, 4.0  # seconds
PAIRS, QUICK_PAIRS = 3, 1
SETTLED = 3.0  # seconds after the loops are dealt out anew, before a window begins
PATIENCE = 90.0  # seconds for a host to start or to stop
CONTINUOUS = ("poll", "deliver")


def run(*, quick: bool) -> dict[str, float]:
    due = QUICK_DUE if quick else DUE
    window = QUICK_WINDOW if quick else WINDOW
    database.fresh("scale_out")
    pairs = []
    with stub(LATENCY, ANSWER) as address:
        _insert(due, f"{address}/events")
        with _host(address):
            for _ in range(QUICK_PAIRS if quick else PAIRS):
                alone = _done_in(window, hosts=1)
                with _host(address):
                    pairs.append((alone, _done_in(window, hosts=2)))
    _require_balance(due)
    database.drop("scale_out")
    polls = [(one[0], two[0]) for one, two in pairs]
    deliveries = [(one[1], two[1]) for one, two in pairs]
    return {
        "scale_out_ratio": min(_ratio(polls), _ratio(deliveries)),
        "scale_out_poll_ratio": _ratio(polls),
        "scale_out_delivery_ratio": _ratio(deliveries),
        "scale_out_polls_per_s_1": median(one for one, _ in polls),
        "scale_out_polls_per_s_2": median(two for _, two in polls),
        "scale_out_deliveries_per_s_1": median(one for one, _ in deliveries),
        "scale_out_deliveries_per_s_2": median(two for _, two in deliveries),
    }


def _ratio(pairs: list[tuple[float, float]]) -> float:
    return median(two / one for one, two in pairs)


def _insert(due: int, url: str) -> None:
    # Nothing is polled or delivered twice within the run: an interval is longer.
    insert_mailboxes(due, timezone.now() - timedelta(minutes=1), timedelta(minutes=1))
    insert_subscriptions(url, SUBSCRIPTIONS)
    insert_notifications(due, callback_body(), "now()")
    database.vacuum()
    database.checkpoint()


@contextmanager
def _host(address: str) -> Iterator[None]:
    """Runs one more host until it is told to stop, and has stopped."""
    process = subprocess.Popen(  # noqa: S602 - our own Procfile, which is written for a shell
        procfile()["worker"],
        shell=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "GMAIL_API_BASE_URL": address,
            "POLL_CONCURRENCY": str(POLLS_IN_FLIGHT),
            "DELIVERY_CONCURRENCY": str(DELIVERIES_IN_FLIGHT),
            "LOG_LEVEL": "CRITICAL",  # it finds secrets in the rows that nobody can open or needs
        },
    )
    with ExitStack() as ending:
        ending.callback(process.wait, PATIENCE)
        ending.callback(process.terminate)
        yield


def _done_in(window: float, *, hosts: int) -> tuple[float, float]:
    """Idle polls and deliveries a second, of `hosts` that all hold their share of the loops."""
    deadline = time.monotonic() + PATIENCE
    while not _shared_by(hosts):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{hosts} hosts did not share the loops within {PATIENCE:.0f} s")
        time.sleep(0.2)
    time.sleep(SETTLED)
    began = timezone.now()
    time.sleep(window)
    ended = timezone.now()
    if not _shared_by(hosts):
        raise RuntimeError(f"{hosts} hosts did not share the loops to the end of a window")
    return _polls(began, ended) / window, _deliveries(began, ended) / window


def _shared_by(hosts: int) -> bool:
    """Whether each of `hosts` holds one loop of each kind that has a process for itself."""
    now = timezone.now()
    held = LoopLease.objects.filter(
        loop__in=CONTINUOUS, lease_until__gt=now, worked_at__gt=now - timedelta(seconds=15)
    )
    places = sorted(held.values_list("loop", "host"))
    return len(set(places)) == len(places) == hosts * len(CONTINUOUS)


def _polls(began: datetime, ended: datetime) -> int:
    return PollingResource.objects.filter(
        last_success_at__gte=began, last_success_at__lt=ended
    ).count()


def _deliveries(began: datetime, ended: datetime) -> int:
    return DeliveryAttempt.objects.filter(started_at__gte=began, started_at__lt=ended).count()


def _require_balance(due: int) -> None:
    """Raise RuntimeError unless nothing failed, was done twice or is still held, and some is left.

    Hosts came and went meanwhile.
    """
    counts = {
        "polls that failed": PollingResource.objects.filter(failures__gt=0).count(),
        "resources held": PollingResource.objects.filter(lease_id__isnull=False).count(),
        "attempts too many": Delivery.objects.filter(attempts_made__gt=1).count(),
        "attempts that failed": DeliveryAttempt.objects.exclude(status_code=200).count(),
        "deliveries held": Delivery.objects.filter(lease_id__isnull=False).count(),
    }
    if any(counts.values()):
        raise RuntimeError(f"the work of the hosts does not balance: {counts}")
    if not PollingResource.objects.filter(last_success_at__isnull=True).exists() or (
        not Delivery.objects.filter(attempts_made=0).exists()
    ):
        raise RuntimeError(f"{due} were too few to be busy to the end")
