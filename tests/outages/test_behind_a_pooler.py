"""Behind PgBouncer a statement finds what it would find anyway; nothing lives in a session."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from django.db import connection

from config.given_postgres import base, pooling
from tests.outages.pgbouncer import SESSIONS, pgbouncer

pytestmark = [pytest.mark.installation, pytest.mark.django_db(transaction=True)]
CLIENTS = 3 * SESSIONS
ROUNDS = 50


def wrapper(url: str) -> base.DatabaseWrapper:
    """A connection of Django's to the URL, of no thread in particular."""
    address = urlsplit(url)
    settings = {
        **connection.settings_dict,
        "HOST": address.hostname,
        "PORT": str(address.port),
        "USER": address.username,
        "OPTIONS": dict(connection.settings_dict["OPTIONS"]),
    }
    made = base.DatabaseWrapper(settings)
    made.inc_thread_sharing()
    return made


@pytest.fixture(params=["session", "transaction"])
def clients(request: pytest.FixtureRequest) -> Iterator[list[base.DatabaseWrapper]]:
    with pgbouncer(request.param) as url:
        made = [wrapper(url) for _ in range(CLIENTS)]
        yield made
        for client in made:
            client.close()


def ask_at_once(clients: list[base.DatabaseWrapper]) -> None:
    """Each client asks statements of its own and those of others, over and over."""

    def ask(number: int) -> None:
        client = clients[number]
        for turn in range(ROUNDS):
            for text in (f"SELECT %s::int + {number % 3}", f"SELECT {number}, %s::int"):
                row = client.first_row(text, [turn])
                assert row == ((turn + number % 3,) if "+" in text else (number, turn))
            with client.prepared_cursor() as cursor:
                cursor.execute("SELECT %s::int * 2", [turn])
                assert cursor.fetchone() == (turn * 2,)

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(ask, range(len(clients))))


def test_it_is_told_from_postgresql_itself(clients: list[base.DatabaseWrapper]) -> None:
    first = clients[0]
    first.ensure_connection()
    assert pooling.is_pooled(first.connection)
    assert pooling.keeps_prepared_statements(first.connection) is False
    connection.ensure_connection()
    assert connection.connection is not None
    assert pooling.keeps_prepared_statements(connection.connection) is True
    assert first.first_row("SELECT count(*) FROM pg_prepared_statements", []) == (0,)


def test_statements_of_many_clients_find_their_own(clients: list[base.DatabaseWrapper]) -> None:
    ask_at_once(clients)
    assert {client.connection.prepare_threshold for client in clients} == {None}


def test_a_pooler_that_is_not_recognised_gives_no_wrong_answer(
    clients: list[base.DatabaseWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "keeps_prepared_statements", lambda _: True)
    ask_at_once(clients)


def test_a_pooler_that_gives_statements_names_of_its_own_keeps_them(
    clients: list[base.DatabaseWrapper], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PgBouncer does from 1.21 on, where it is told to."""
    monkeypatch.setattr(pooling, "NAME_OF_PROBE", b"SELECT 'PGBOUNCER_1'")
    clients[0].ensure_connection()
    assert pooling.keeps_prepared_statements(clients[0].connection) is True


def test_a_probe_that_somebody_left_behind_is_no_harm(
    clients: list[base.DatabaseWrapper],
) -> None:
    first = clients[0]
    with first.cursor() as cursor:
        cursor.execute("PREPARE periodic_probe AS SELECT 1")
    for _ in range(2):
        assert pooling.keeps_prepared_statements(first.connection) is False
    with first.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_within_a_transaction_it_is_asked_later(clients: list[base.DatabaseWrapper]) -> None:
    first = clients[0]
    first.set_autocommit(False)
    with first.cursor() as cursor:
        cursor.execute("SELECT 1")  # begins it
    assert first.first_row("SELECT %s::int", [1]) == (1,)
    first.commit()
    first.set_autocommit(True)
    assert first._asked is None
    first.first_row("SELECT %s::int", [1])
    assert first._asked is first.connection
