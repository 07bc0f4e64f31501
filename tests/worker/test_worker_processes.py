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
from django_q.models import Success
from django_q.tasks import async_task

from tests.patience import PATIENCE
from worker import leases
from worker.loops import LOOPS
from worker.models import LoopLease

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [pytest.mark.installation, pytest.mark.django_db(transaction=True)]


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
    until(all_loops_work)
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


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def all_loops_work() -> bool:
    """Whether each loop has worked since a moment ago."""
    ages = leases.at_rest()
    return len(leases.alive()) > 0 and all(
        leases.is_worked_on(loop.name) and (age := ages[loop.name]) is not None and age < 12
        for loop in LOOPS
    )


def no_lease() -> bool:
    return not LoopLease.objects.exists()


def workers(cluster: psutil.Process) -> list[psutil.Process]:
    """The sentinel's children: workers, monitor, pusher and keeper."""
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
    until(lambda: group(cluster.pid) == [])
    assert time.monotonic() - began < PATIENCE / 2
    assert no_lease(), "others can go on at once"
    assert leases.alive() == []


def test_a_host_that_works_is_heard_of(cluster: psutil.Process) -> None:
    [host] = leases.alive()
    assert str(cluster.pid) in host.name
    assert host.processes == len(workers(cluster))
    assert abs(host.clock_offset) < 1
    assert host.trouble == ""


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
    until(lambda: group(cluster.pid) == [])


def test_the_loops_and_the_queue_go_on_after_each_process_was_killed_in_turn(
    cluster: psutil.Process,
) -> None:
    number = len(workers(cluster))
    for nth in range(number):
        until(lambda: len(workers(cluster)) == number)
        victim = sorted(workers(cluster), key=lambda process: process.pid)[nth]
        victim.kill()
        victim.wait()
    assert does_work()
    LoopLease.objects.update(worked_at=None)
    until(all_loops_work)


def test_none_outlives_the_main_process(cluster: psutil.Process) -> None:
    assert len(group(cluster.pid)) > 5
    cluster.kill()
    until(lambda: group(cluster.pid) == [])


def test_a_sentinel_that_dies_is_replaced(cluster: psutil.Process) -> None:
    [sentinel] = cluster.children()
    orphans = sentinel.children()
    sentinel.kill()
    until(lambda: not any(one.is_running() for one in orphans))
    until(lambda: len(cluster.children()) == 1 and cluster.children()[0].pid != sentinel.pid)
    LoopLease.objects.update(worked_at=None)
    until(all_loops_work)
    [host] = leases.alive()
    assert str(cluster.pid) in host.name
