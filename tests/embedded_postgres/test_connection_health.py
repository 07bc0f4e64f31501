"""A connection that was ended is noticed before it is used, without a question in each request."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DataError, connection, transaction
from django.db.backends.postgresql import base

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_connection_that_stands_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()

    def asked(self: object) -> bool:
        raise AssertionError("the server was asked")

    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", asked)
    assert connection.is_usable()


def test_a_connection_that_the_server_ended_is_not_usable() -> None:
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone() or [0]
    parameters = connection.get_connection_params()
    parameters = {name: parameters[name] for name in ("dbname", "user", "host", "port")}
    with psycopg.connect(**parameters, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert not connection.is_usable()

    connection.close()
    assert not connection.is_usable()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_one_with_something_unread_is_asked() -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN somebody")
        cursor.execute("SELECT pg_backend_pid()")
    parameters = connection.get_connection_params()
    parameters = {name: parameters[name] for name in ("dbname", "user", "host", "port")}
    with psycopg.connect(**parameters, autocommit=True) as other:
        other.execute("NOTIFY somebody")

    assert connection.is_usable()


def test_one_whose_transaction_has_failed_is_not_usable() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(DataError):
            cursor.execute("SELECT 1/0")
        assert not connection.is_usable()
        transaction.set_rollback(True)
    assert connection.is_usable()
