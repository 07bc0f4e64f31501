"""`manage.py migrate` gives a lock up that others hold, and tries again."""

from __future__ import annotations

import threading
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connection, transaction

from tests import database
from upgrading.management.commands import migrate

pytestmark = pytest.mark.django_db(transaction=True)


def held() -> psycopg.Connection[tuple[object, ...]]:
    """A transaction that reads a table which migrations change."""
    other = psycopg.connect(database.url_of(connection.settings_dict["NAME"]))
    other.execute("SELECT 1 FROM django_migrations")
    return other


def alter() -> None:
    """Stands for a migration: it wants what nobody may hold meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")


@pytest.fixture
def migration(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """In place of Django's own command; how often it ran."""
    ran: list[int] = []

    def handle(self: object, *args: object, **options: object) -> None:
        ran.append(1)
        with transaction.atomic():
            alter()

    monkeypatch.setattr(DjangoMigrate, "handle", handle)
    monkeypatch.setattr(migrate, "LOCK_WAIT", 20)
    monkeypatch.setattr(migrate, "PAUSE", 0.01)
    return ran


def test_it_goes_on_once_the_lock_is_free(migration: list[int]) -> None:
    other = held()
    freed = threading.Event()

    def free() -> None:
        while len(migration) < 3:
            freed.wait(0.01)
        other.rollback()
        freed.set()

    thread = threading.Thread(target=free)
    thread.start()
    said = StringIO()
    call_command("migrate", stderr=said)
    thread.join()
    other.close()
    assert len(migration) >= 3
    assert "trying again" in said.getvalue()


def test_it_ends_with_a_sentence_where_the_lock_stays(
    migration: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TRIES", 3)
    other = held()
    with pytest.raises(CommandError, match="run migrate again"):
        call_command("migrate", stderr=StringIO())
    other.close()
    assert len(migration) == 3


def test_it_gives_way_to_who_waits_for_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    url = database.url_of(connection.settings_dict["NAME"])
    waits = threading.Event()
    refused: list[psycopg.Error] = []
    ran: list[int] = []

    def request() -> None:
        """Holds one of the two tables, and wants the other."""
        with psycopg.connect(url) as other:
            other.execute("SELECT 1 FROM django_migrations")
            waits.wait()
            try:
                other.execute("SELECT 1 FROM django_content_type")
            except psycopg.Error as error:
                refused.append(error)

    def handle(self: object, *args: object, **options: object) -> None:
        ran.append(1)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE django_content_type IN ACCESS EXCLUSIVE MODE")
            waits.set()
            cursor.execute("SELECT pg_sleep(0.9)")  # rows that are filled in
            alter()

    monkeypatch.setattr(DjangoMigrate, "handle", handle)
    monkeypatch.setattr(migrate, "PAUSE", 0.01)
    thread = threading.Thread(target=request)
    thread.start()
    call_command("migrate", stderr=StringIO())
    thread.join()
    assert refused == []
    assert len(ran) == 2


def test_an_index_that_was_left_half_made_is_dropped(migration: list[int]) -> None:
    url = database.url_of(connection.settings_dict["NAME"])
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("CREATE INDEX left_behind ON accounts_user (id)")
        other.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'left_behind'::regclass"
        )
        call_command("migrate", stderr=StringIO())
        found = other.execute("SELECT to_regclass('left_behind')").fetchone()
    assert found == (None,)
