"""The queue of tasks goes by the database's clock, and survives the database's absence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

import psycopg
import pytest
import time_machine
from django.db import OperationalError, connection
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.monitor import monitor
from django_q.signing import SignedPackage
from django_q.tasks import async_task
from structlog.testing import capture_logs

from worker import broker as module
from worker.broker import DatabaseBroker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker(nothing_said: None, monkeypatch: pytest.MonkeyPatch) -> DatabaseBroker:
    monkeypatch.setattr(Conf, "POLL", 0)
    monkeypatch.setattr(module, "PAUSE", 0)
    broker = get_broker()
    assert isinstance(broker, DatabaseBroker)
    return broker


@pytest.mark.parametrize("asks", [-400, -0.002, 365])
@pytest.mark.parametrize("puts", [-400, 0.002, 365])
def test_a_wrong_clock_hides_no_task(broker: DatabaseBroker, puts: float, asks: float) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(days=puts)):
        async_task("math.copysign", 1, -1)
    with time_machine.travel(now + timedelta(days=asks)):
        assert broker.dequeue() is not None
        assert broker.dequeue() is None, "it is leased"
    [task] = OrmQ.objects.all()
    assert timedelta(0) < task.lock - now < timedelta(seconds=Conf.RETRY + 60)


def test_the_task_that_waited_longest_comes_first(broker: DatabaseBroker) -> None:
    first, second = broker.enqueue("first"), broker.enqueue("second")
    assert broker.dequeue() == [(first, "first")]
    assert broker.dequeue() == [(second, "second")]
    broker.acknowledge(first)
    assert list(OrmQ.objects.values_list("pk", flat=True)) == [second]


class Away:
    """In place of the connection."""

    def cursor(self) -> None:
        raise OperationalError("gone") from psycopg.OperationalError("gone")

    def close(self) -> None:
        pass


def test_a_database_that_is_away_is_one_line_a_minute_and_no_end(
    broker: DatabaseBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "connection", Away())
    with capture_logs() as logged:
        assert [broker.dequeue() for _ in range(5)] == [None] * 5
    assert [one["event"] for one in logged] == ["database.unavailable"]


def test_a_task_that_ends_while_the_database_is_away_does_not_end_the_monitor(
    broker: DatabaseBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    results: SimpleQueue[Any] = SimpleQueue()
    for number in range(5):
        async_task("math.copysign", 1, number)
        [(ack_id, payload)] = broker.dequeue() or []
        ended = {"result": "gone", "success": False, "stopped": None, "ack_id": ack_id}
        results.put({**SignedPackage.loads(payload), **ended})
    results.put("STOP")

    def refuse(*_: Any) -> None:
        Away().cursor()

    with connection.execute_wrapper(refuse):
        monitor(results, broker)
    assert results.empty()
    assert OrmQ.objects.count() == 5, "they are handed out again later"
    said = [one.getMessage() for one in caplog.records if one.exc_info]
    assert said == []
