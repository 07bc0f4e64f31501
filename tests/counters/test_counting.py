"""Counters are summed over all processes, only grow, and count nothing twice."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from counters import counting
from counters.families import EVENT_AGE, POLLS, REQUEST_DURATION
from counters.models import CounterTotal, CounterWriter
from counters.totals import Totals
from tests import killed_worker
from tests.counters import ending
from tests.killed_worker import FINISHED, KilledWorker

KILLED = 9


def sums(prefix: str = "periodic_polls_total") -> dict[str, float]:
    return {
        row.sample + row.labels: row.value
        for row in CounterTotal.objects.filter(sample__startswith=prefix)
    }


@pytest.fixture
def nothing_counted(db: None) -> None:
    counting.store()
    CounterTotal.objects.all().delete()


@pytest.mark.django_db(transaction=True, serialized_rollback=False)
def test_sums_only_grow_however_processes_end() -> None:
    worker = KilledWorker(
        "tests.counters.work.count_and_store_twice", "tests.counters.work.count_before_the_fork"
    )
    polls = 'periodic_polls_total{"element": "gmail", "outcome": "idle"}'
    seen = []
    try:
        for statement, end in ((1, KILLED), (2, KILLED), (99, FINISHED), (99, FINISHED)):
            assert worker.run(statement) == end
            seen.append(sums().get(polls, 0.0))
    finally:
        worker.close()
    assert seen == [0.0, 3.0, 8.0, 13.0]
    assert sums("periodic_event_age_seconds_count") == {"periodic_event_age_seconds_count{}": 2.0}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("child", ["", "child"], ids=["a web process", "a child of a worker"])
def test_a_process_that_ends_stores_what_it_has_counted(child: str) -> None:
    program = [sys.executable, ending.__file__, killed_worker.database(), child]
    subprocess.run(program, check=True, timeout=60)
    polls = 'periodic_polls_total{"element": "gmail", "outcome": "idle"}'
    assert sums() == {polls: 7.0}


@contextmanager
def away() -> Iterator[None]:
    def refuse(*_: Any) -> Any:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        yield


def test_what_cannot_be_stored_is_stored_later_and_once(nothing_counted: None) -> None:
    counting.count(POLLS, "gmail", "idle", by=2)
    with away(), pytest.raises(OperationalError):
        counting.store()
    counting.count(POLLS, "gmail", "idle")
    counting.store()
    counting.store()
    assert list(sums().values()) == [3.0]


@contextmanager
def answers_lost() -> Iterator[None]:
    def lose(execute: Any, *given: Any) -> Any:
        execute(*given)
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(lose):
        yield


def test_what_was_stored_and_its_answer_lost_is_counted_once(nothing_counted: None) -> None:
    counting.count(POLLS, "gmail", "idle", by=2)
    with answers_lost():
        for _ in range(2):
            with pytest.raises(OperationalError):
                counting.store()
            counting.count(POLLS, "gmail", "idle")
    assert list(sums().values()) == [2.0]
    counting.store()
    assert list(sums().values()) == [4.0]


def test_processes_that_are_gone_leave_no_rows_for_ever(nothing_counted: None) -> None:
    now = timezone.now()
    for days in (0.5, 2):
        CounterWriter.objects.create(id=uuid.uuid4(), batch=1, stored_at=now - timedelta(days=days))
    counting.count(POLLS, "gmail", "idle")
    counting.store()
    assert not CounterWriter.objects.filter(stored_at__lt=now - timedelta(days=1)).exists()
    assert CounterWriter.objects.filter(stored_at__lt=now).exists()


def test_nothing_new_is_no_statement_and_all_of_it_is_one(nothing_counted: None) -> None:
    for outcome in ("idle", "found", "failed"):
        counting.count(POLLS, "gmail", outcome)
    with CaptureQueriesContext(
        connection,
    ) as statements:
        counting.store()
        counting.store()
    assert len(statements) == 1


def test_sums_are_read_as_prometheus_reads_them(nothing_counted: None) -> None:
    counting.observe(EVENT_AGE, (0.5, 3.0, 100_000.0, -5.0))
    counting.observe(REQUEST_DURATION, [0.02], "api")
    counting.observe(REQUEST_DURATION, [0.2], "pages")
    counting.count(POLLS, "gmail", "found", by=2)
    counting.store()
    registry = CollectorRegistry()
    registry.register(Totals())

    text = generate_latest(registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}

    [polls] = families["periodic_polls"].samples
    assert (polls.labels, polls.value) == ({"element": "gmail", "outcome": "found"}, 2.0)
    ages = families["periodic_event_age_seconds"].samples
    buckets = [(sample.labels["le"], sample.value) for sample in ages if "le" in sample.labels]
    assert buckets[:3] == [("1.0", 2.0), ("2.5", 2.0), ("5.0", 3.0)]
    assert buckets[-2:] == [("86400.0", 3.0), ("+Inf", 4.0)]
    assert {sample.name: sample.value for sample in ages if "le" not in sample.labels} == {
        "periodic_event_age_seconds_count": 4.0,
        # What other tests of this process have observed is taken off, which rounds.
        "periodic_event_age_seconds_sum": pytest.approx(100_003.5),
    }
    durations = families["periodic_request_duration_seconds"].samples
    assert {sample.labels["part"] for sample in durations} == {"api", "pages"}
