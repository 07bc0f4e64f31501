"""A worker killed with -9 again and again while mails arrive: each mail is told under one id."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.utils import timezone

from events.models import Delivery, Event
from polling.claim import LEASE
from polling.models import PollingResource
from tests.end_to_end.line import Line
from tests.events.receiver import Receiver

ROOT = Path(__file__).resolve().parent.parent.parent
KILLS = 10
MAILS_A_KILL = 20
WHOLE = {3, 7}  # the kills that take all processes at once
LONG = timedelta(seconds=2)
PATIENCE = 300.0  # seconds; a slow machine is no defect
pytestmark = [
    pytest.mark.installation,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("processes"),
]


class Worker:
    """`manage.py qcluster` in a process group of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster"],
            cwd=ROOT,
            env=self._environment,
            start_new_session=True,
        )

    def kill_one(self, dice: random.Random) -> None:
        """One of those that work, if they have been started."""
        children = psutil.Process(self._process.pid).children(recursive=True)[1:]
        if children:
            dice.choice(children).kill()

    def kill_all(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def test_every_mail_is_told_under_one_id(
    connected: Line, process_environment: dict[str, str]
) -> None:
    dice = random.Random(4)  # noqa: S311 - moments, not secrets
    PollingResource.objects.update(interval=1, next_poll_at=timezone.now())
    provider = {
        name: getattr(settings, name)
        for name in ("GMAIL_API_BASE_URL", "GOOGLE_TOKEN_URL", "GOOGLE_REVOKE_URL")
    }
    worker = Worker({**process_environment, **provider, "LOG_LEVEL": "ERROR", "WORKERS": "3"})
    receiver, mails = connected.receiver, list[str]()
    try:
        for kill in range(KILLS):
            seen = len(receiver.received)
            for _ in range(MAILS_A_KILL // 5):
                mails += [mail["id"] for mail in connected.control.deliver_many(5)]
                time.sleep(dice.random() * 0.1)
            while_leases_end(until=partial(has_more, receiver, seen))
            time.sleep(dice.random() * 0.3)
            if kill in WHOLE:
                worker.kill_all()
                worker.start()
            else:
                worker.kill_one(dice)
        while_leases_end(until=lambda: told(connected).keys() >= set(mails))
        while_leases_end(until=lambda: not Delivery.objects.exclude(status="delivered").exists())
    finally:
        worker.kill_all()

    assert told(connected).keys() == set(mails)
    assert {len(ids) for ids in told(connected).values()} == {1}
    recorded = [one["objectId"] for event in Event.objects.all() for one in event.objects_found]
    assert sorted(recorded) == sorted(mails)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}


def has_more(receiver: Receiver, seen: int) -> bool:
    return len(receiver.received) > seen


def while_leases_end(until: Callable[[], bool]) -> None:
    """Waits. A lease that has been held for LONG ends, as if its minute had passed.

    So does one of a living worker: what it has found is then dropped, what it sends stored once.
    """
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline, "what should have arrived has not"
        given_before = timezone.now() - LONG
        for rows in (PollingResource.objects, Delivery.objects):
            rows.filter(lease_until__lt=given_before + LEASE).update(lease_until=given_before)
        time.sleep(0.05)


def told(line: Line) -> dict[str, set[tuple[str, int]]]:
    """The (webhook id, event id) pairs under which each mail was told."""
    ids: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for notification in list(line.receiver.received):
        message = json.loads(notification.body)["message"]
        for event in message["events"]:
            ids[event["objectId"]].add((notification.webhook_id, message["eventId"]))
    return ids
