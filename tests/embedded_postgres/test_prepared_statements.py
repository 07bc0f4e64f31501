"""A statement that is planned once a connection finds what it would find anyway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction

from accounts.models import Organization
from api.rows import Columns, one

if TYPE_CHECKING:
    from config.given_postgres.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)
BY_NAME = "SELECT id, name FROM accounts_organization WHERE name = %s"


def first_row(statement: str = BY_NAME, parameters: Any = ("One",)) -> Any:
    return cast("DatabaseWrapper", connection).first_row(statement, parameters)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture(autouse=True)
def one_id(db: None) -> Iterator[int]:
    yield Organization.objects.create(name="One", secret_digest="1").pk
    connection.close()  # with what was prepared


def test_a_row_no_row_and_null(one_id: int) -> None:
    assert first_row() == (one_id, "One")
    assert first_row(parameters=["Two"]) is None
    assert first_row(parameters=[None]) is None
    assert first_row("SELECT %s::int + %s::int", [1, 2]) == (3,)


def test_values_are_those_of_a_query() -> None:
    columns = Columns(Organization, "o")
    statement = f"SELECT {columns.sql} FROM accounts_organization o WHERE o.name = %s"  # noqa: S608
    [found] = one(statement, ["One"], columns) or [None]
    assert vars(found).keys() == vars(Organization.objects.get(name="One")).keys()
    assert found.created_at == Organization.objects.get(name="One").created_at


def test_it_belongs_to_the_transaction_that_it_is_asked_in(one_id: int) -> None:
    first_row()
    with transaction.atomic():
        [begun] = first_row("SELECT now()", [])
        assert first_row("SELECT now()", []) == (begun,)  # else each were a transaction of its own
        Organization.objects.filter(pk=one_id).update(name="Two")
        assert first_row() is None
        transaction.set_rollback(True)
    assert first_row() == (one_id, "One")


def test_one_that_the_server_has_forgotten_is_prepared_again(one_id: int) -> None:
    first_row()
    execute("DEALLOCATE ALL")
    assert first_row() == (one_id, "One")
    assert first_row() == (one_id, "One")


def test_one_whose_table_has_changed_is_prepared_again(one_id: int) -> None:
    execute("CREATE TEMPORARY TABLE changing AS SELECT 1 AS a")
    assert first_row("SELECT * FROM changing", []) == (1,)
    execute("ALTER TABLE changing ADD b integer")
    assert first_row("SELECT * FROM changing", []) == (1, None)


def test_errors_are_those_of_a_query(one_id: int) -> None:
    with pytest.raises(ProgrammingError, match="nowhere"):
        first_row("SELECT 1 FROM nowhere", [])
    first_row()
    with pytest.raises(OperationalError):
        first_row("SELECT pg_terminate_backend(pg_backend_pid())", [])
    connection.close()
    assert first_row() == (one_id, "One")


def test_a_new_connection_has_statements_of_its_own(one_id: int) -> None:
    first_row()
    connection.close()
    assert first_row() == (one_id, "One")
