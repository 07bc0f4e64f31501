"""The worker as a process: it stops in order, and goes on after any of its parts was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import Success
from django_q.tasks import async_task

from worker import heartbeat
from worker.schedules import wanted

ROOT = Path(__file__).resolve().parent.parent.parent
# These rest while there is nothing to do.
RESTING = {"bulk.tasks.run_due", "watching.tasks.keep_due"}
LINES = sum(one.slot is not None and one.task not in RESTING for one in wanted())
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def command() -> list[str]:
    return ["manage.py", "qcluster"]


@pytest.fixture
def cluster(process_environment: dict[str, str], command: list[str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**process_environment, "LOG_LEVEL": "WARNING"},
        start_new_session=True,
    )
    until(lambda: running_lines() >= LINES)
    yield psutil.Process(process.pid)
    for one in group(process.pid):
        one.kill()
    process.wait()


def group(number: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == number and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running_lines() -> int:
    """How many lines hold their slots, as the database sees it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return int(cursor.fetchone()[0])


def workers(cluster: psutil.Process) -> list[psutil.Process]:
    """The sentinel's children: workers, monitor and pusher."""
    return [worker for child in cluster.children() for worker in child.children()]


def does_work() -> bool:
    name = f"task {time.monotonic()}"
    async_task("math.copysign", 1, -1, task_name=name)
    until(lambda: Success.objects.filter(name=name).exists())
    return True


@pytest.mark.parametrize("to", ["the whole group", "the main process"])
def test_sigterm_ends_all_processes_soon(cluster: psutil.Process, to: str) -> None:
    began = time.monotonic()
    if to == "the whole group":
        os.killpg(cluster.pid, signal.SIGTERM)
    else:
        cluster.terminate()
    until(lambda: group(cluster.pid) == [], seconds=15)
    assert time.monotonic() - began < 15
    assert running_lines() == 0


def test_a_host_that_works_is_heard_of(cluster: psutil.Process) -> None:
    [host] = heartbeat.alive(timezone.now())
    assert str(cluster.children()[0].pid) in host.name
    assert host.processes == len(workers(cluster)) - 2  # neither the monitor nor the pusher


IMPATIENT = """
import sys, django, manage
sys.path.insert(0, str(manage.SOURCE_ROOT))
django.setup()
from worker import cluster
cluster.STOP_WITHIN = 0.5
manage.main()
"""


@pytest.mark.parametrize("command", [["-c", IMPATIENT, "qcluster"]], ids=["impatient"])
def test_what_hangs_when_it_should_end_is_killed(cluster: psutil.Process) -> None:
    workers(cluster)[0].suspend()
    cluster.terminate()
    until(lambda: group(cluster.pid) == [], seconds=15)
    until(lambda: running_lines() == 0, seconds=5)  # PostgreSQL notices a moment later


def test_the_lines_and_the_queue_go_on_after_each_process_was_killed_in_turn(
    cluster: psutil.Process,
) -> None:
    number = len(workers(cluster))
    for nth in range(number):
        until(lambda: len(workers(cluster)) == number)
        victim = sorted(workers(cluster), key=lambda process: process.pid)[nth]
        victim.kill()
        victim.wait()
    assert does_work()
    until(lambda: running_lines() >= LINES)


@pytest.mark.parametrize("killed", ["the main process", "the sentinel"])
def test_none_outlives_the_one_that_started_it(cluster: psutil.Process, killed: str) -> None:
    assert len(group(cluster.pid)) > 5
    victim = cluster if killed == "the main process" else cluster.children()[0]
    victim.kill()
    until(lambda: group(cluster.pid) == [], seconds=20)
    until(lambda: running_lines() == 0, seconds=5)  # PostgreSQL notices a moment later
