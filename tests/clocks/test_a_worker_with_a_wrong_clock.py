"""The real worker on a host whose clock is wrong (libfaketime) works on, and removes nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import Failure
from django_q.tasks import async_task

from audit.models import AuditEntry
from events.models import Delivery, Event, ReceivedWebhook
from monitoring import checks
from polling.models import PollingResource
from tests.debian_programs import require
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
REMOVALS = (
    "events.tasks.remove_old_events",
    "audit.tasks.remove_old_entries",
    "polling.tasks.remove_old_runs",
)
pytestmark = [pytest.mark.installation, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def worker(
    process_environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A worker whose clock is off by `request.param`; the file that it logs to."""
    require("faketime")  # its package brings the library
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster"],
            cwd=ROOT,
            env={
                **process_environment,
                "LOG_LEVEL": "WARNING",
                "LD_PRELOAD": str(LIBRARIES[0]),
                "FAKETIME": request.param,
            },
            stderr=file,
            start_new_session=True,
        )
    yield log
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("worker", ["+400d", "-2m"], indirect=True)
def test_it_polls_delivers_and_removes_nothing(worker: Path, receiver: Receiver) -> None:
    began = timezone.now()
    instance = new_instance(url=receiver.url)
    AuditEntry.objects.create(
        organization_id=instance.organization_id, at=began, action="created", source="api"
    )
    ReceivedWebhook.objects.create(instance=instance, digest="d", received_at=began)
    resource = PollingResource.objects.create(
        organization=instance.organization,
        instance=instance,
        name="changed-messages",
        interval=300,
        next_poll_at=began,
    )
    for _ in range(2):  # the second once the first has its place in the past
        record(instance)
        until(lambda: not Delivery.objects.exclude(status="delivered").exists())
    until(lambda: PollingResource.objects.get().last_polled_at is not None)
    for task in REMOVALS:
        async_task(task, task_name=task)
    until(lambda: Failure.objects.filter(name__in=REMOVALS).count() == len(REMOVALS))

    assert len(receiver.received) == 2
    assert Event.objects.count() == 2
    assert AuditEntry.objects.exists()
    assert ReceivedWebhook.objects.exists()
    ended = timezone.now()
    resource.refresh_from_db()
    assert resource.last_polled_at is not None
    assert began <= resource.last_polled_at <= ended
    assert resource.next_poll_at <= ended + timedelta(hours=1)
    assert not Delivery.objects.exclude(updated_at__range=(began, ended)).exists()
    for failure in Failure.objects.filter(name__in=REMOVALS):
        assert "Nothing is removed here until it is set right" in str(failure.result)
    assert "clock.differs" in worker.read_text()
    assert re.search(r" is \d+ s (ahead of|behind) PostgreSQL's", checks.wrong_clocks())
