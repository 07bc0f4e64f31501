"""An error of the database is told apart: the database cannot be used, or the statement failed."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import (
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)

from config.given_postgres.unavailable import Outage, outage_of

ROLE = "outage_test"


def error_of(statement: str) -> Error:
    with pytest.raises(Error) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return caught.value


def address(**changed: object) -> dict[str, object]:
    known = connection.get_connection_params()
    return {name: known[name] for name in ("dbname", "user", "host", "port")} | changed


def refusal_of(**changed: object) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        psycopg.connect(**address(**changed))  # type: ignore[arg-type]
    return caught.value


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "outage"),
    [
        ("SET TRANSACTION READ ONLY; CREATE TABLE denied (id int)", Outage.READ_ONLY),
        ("SELECT 1 FROM no_such_table", Outage.SCHEMA),
        ("SELECT no_such_column FROM accounts_organization", Outage.SCHEMA),
        ("SELECT 1/0", None),
        ("SELECT FROM WHERE", None),
        ("SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)", None),
    ],
)
def test_errors_of_statements(statement: str, outage: Outage | None) -> None:
    assert outage_of(error_of(statement)) is outage


@pytest.mark.django_db(transaction=True)
def test_an_ended_session() -> None:
    statement = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
        cursor.execute(statement)
    assert outage_of(caught.value) is Outage.STARTING
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_already() -> None:
    connection.ensure_connection()
    assert connection.connection is not None
    connection.connection.close()
    with pytest.raises(Error) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert outage_of(caught.value) is Outage.AWAY
    connection.close()


@pytest.fixture
def role(transactional_db: None) -> Iterator[str]:
    """A role that may hold no connection at all."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {ROLE}")
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT 0")
    yield ROLE
    with connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE {ROLE}")


@pytest.mark.django_db(transaction=True)
def test_hosts_of_which_none_takes_writes() -> None:
    read_only = "-c default_transaction_read_only=on"
    error = refusal_of(options=read_only, target_session_attrs="read-write")
    assert outage_of(error) is Outage.READ_ONLY


def test_errors_at_connection(role: str) -> None:
    assert outage_of(refusal_of(user=role)) is Outage.FULL
    assert outage_of(refusal_of(user="nobody_of_that_name")) is Outage.REFUSED
    assert outage_of(refusal_of(dbname="no_such_database")) is Outage.REFUSED
    assert outage_of(refusal_of(host="127.0.0.1", port=1)) is Outage.AWAY


@pytest.mark.parametrize(
    ("code", "outage"),
    [
        ("53100", Outage.DISK_FULL),
        ("58030", Outage.DISK_FULL),
        ("53200", Outage.MEMORY),
        ("53300", Outage.FULL),
        ("08006", Outage.AWAY),
        ("08P01", Outage.AWAY),
        ("57P01", Outage.STARTING),
        ("57P02", Outage.STARTING),
        ("57P03", Outage.STARTING),
        ("57P05", Outage.AWAY),
        ("28P01", Outage.REFUSED),
        ("55P03", None),  # waited too long for a lock
        ("40P01", None),  # deadlock
        ("23505", None),  # unique
    ],
)
def test_codes_that_are_hard_to_provoke(code: str, outage: Outage | None) -> None:
    error = psycopg.errors.lookup(code)("in any language")
    assert error.sqlstate == code
    assert outage_of(error) is outage


def test_errors_that_no_server_sent() -> None:
    assert outage_of(InterfaceError("connection already closed")) is Outage.AWAY
    assert outage_of(OperationalError("[Errno -2] Name or service not known")) is Outage.AWAY
    assert outage_of(InternalError("received 2 results from command 'BEGIN'")) is Outage.AWAY
    assert outage_of(ValueError("no error of a database")) is None
    words = 'connection failed: FATAL:  password authentication failed for user "periodic"'
    assert outage_of(OperationalError(words)) is Outage.REFUSED
    for outage in Outage:
        assert "periodic" not in outage.value
