"""A statement takes as long as the kind of work allows; the connection outlives a cancelled one."""

from __future__ import annotations

import psycopg
import pytest
from django.db import Error, OperationalError, connection
from psycopg.errors import QueryCanceled
from pytest_django import Settings

from config import process
from config.given_postgres.connection import Connection
from config.given_postgres.limits import CONNECTION, SESSION, maintenance
from config.given_postgres.unavailable import Outage, outage_of
from tests.outages.forwarder import hanging_postgres

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _web(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv(process.VARIABLE, process.WEB)
    settings.DATABASE_STATEMENT_SECONDS = {"web": 0.2, "worker": 60, "maintenance": 0}


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone() or [0]
    return int(pid)


def sleep(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def test_a_slow_one_is_cancelled_and_the_connection_goes_on() -> None:
    before = backend()
    with pytest.raises(OperationalError) as caught:
        sleep(60)
    assert isinstance(caught.value.__cause__, QueryCanceled)
    assert backend() == before


def test_a_large_one_that_nobody_takes_is_given_up() -> None:
    given = connection.get_connection_params()
    proxy = hanging_postgres(given["host"], given["port"])
    try:
        with Connection.connect(
            host="127.0.0.1", port=proxy.port, user=given["user"], dbname=given["dbname"]
        ) as slow:
            proxy.hang()
            with pytest.raises(psycopg.OperationalError, match="neither the statement"):
                slow.execute("SELECT length(%s)", ["x" * 50_000_000])
            assert slow.closed
    finally:
        proxy.close()


def test_a_slow_prepared_one_is_cancelled_as_well() -> None:
    before = backend()
    with pytest.raises(OperationalError) as caught:
        connection.first_row("SELECT pg_sleep(%s::int)", [60])  # type: ignore[attr-defined]
    assert isinstance(caught.value.__cause__, QueryCanceled)
    assert backend() == before


def test_a_transaction_of_who_fell_silent_holds_its_locks_for_moments_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SESSION, "idle_in_transaction_session_timeout", 300)
    connection.close()
    silent = connection.copy()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE held AS SELECT 1 AS number")
    try:
        silent.set_autocommit(False)
        with silent.cursor() as cursor:
            cursor.execute("UPDATE held SET number = 2")
        with connection.cursor() as cursor, maintenance():
            cursor.execute("SET lock_timeout = '10s'")
            cursor.execute("UPDATE held SET number = 3 WHERE number = 1")
            assert cursor.rowcount == 1
        with silent.cursor() as cursor, pytest.raises(Error) as caught:
            cursor.execute("SELECT 1")
        assert outage_of(caught.value) is Outage.AWAY
    finally:
        silent.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE held")


def test_a_server_behind_a_pooler_that_does_not_answer_is_given_up_as_a_connection_is() -> None:
    given = connection.get_connection_params()
    proxy = hanging_postgres(given["host"], given["port"])
    try:
        with Connection.connect(
            host="127.0.0.1", port=proxy.port, user=given["user"], dbname=given["dbname"]
        ) as taken:
            proxy.hang()
            with pytest.raises(psycopg.errors.ConnectionTimeout):
                taken.set_limits_of_session(0.2)
            assert taken.closed
    finally:
        proxy.close()


def test_maintenance_has_a_limit_of_its_own() -> None:
    with maintenance():
        sleep(0.5)


def test_a_command_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(process.VARIABLE, "migrate")
    sleep(0.5)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["manage.py", "qcluster"], "worker"),
        (["manage.py", "runserver", "8000"], "web"),
        (["manage.py", "migrate"], "migrate"),
        (["manage.py"], "help"),
    ],
)
def test_each_command_is_of_a_kind(arguments: list[str], kind: str) -> None:
    assert process.kind_of_command(arguments) == kind


def test_a_connection_names_who_holds_it_and_database_url_wins() -> None:
    given = connection.get_connection_params()
    assert given["application_name"] == "periodic web"
    assert given.items() >= CONNECTION.items()

    copy = connection.copy()
    copy.settings_dict["OPTIONS"] |= {"connect_timeout": 77, "application_name": "mine"}
    given = copy.get_connection_params()
    assert given["connect_timeout"] == 77
    assert given["application_name"] == "mine"
