"""`rotate_encryption_keys` brings every value under the newest key while everything runs."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from encryption import rotation
from encryption.fields import context_of
from encryption.keys import key_id_of, key_ring, seal
from instances.models import Credential, ElementInstance

NewInstance = Callable[[str], ElementInstance]


def stored(pk: int, column: str = "token") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM instances_elementinstance WHERE id = %s", [pk])  # noqa: S608 - a constant
        return str(cursor.fetchone()[0])


def rotate() -> str:
    out = StringIO()
    call_command("rotate_encryption_keys", stdout=out, stderr=StringIO())
    return out.getvalue()


def test_every_value_is_readable_with_the_new_key_alone(
    new_instance: NewInstance, settings: Settings, new_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    made = [new_instance(f"token {number}") for number in range(5)]
    Credential.objects.create(instance=made[0], access_token="access", refresh_token="refresh")
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key, *settings.PERIODIC_ENCRYPTION_KEYS]
    said = rotate()
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key]
    assert "instances_elementinstance.token: 5 sealed anew" in said
    tokens = [each.token for each in ElementInstance.objects.order_by("pk")]
    assert tokens == [f"token {number}" for number in range(5)]
    assert {each.secrets for each in ElementInstance.objects.all()} == {"{}"}
    assert Credential.objects.get().refresh_token == "refresh"


def test_a_second_run_has_nothing_to_do(
    new_instance: NewInstance, settings: Settings, new_key: str
) -> None:
    made = new_instance("token")
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key, *settings.PERIODIC_ENCRYPTION_KEYS]
    rotate()
    after_first = stored(made.pk)
    assert "instances_elementinstance.token: 0 sealed anew" in rotate()
    assert stored(made.pk) == after_first


def test_a_value_written_meanwhile_has_the_last_word(
    new_instance: NewInstance, settings: Settings, new_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_instance("before")
    old_writers_text = seal("written meanwhile", context_of(made._meta.db_table, made.pk, "token"))
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key, *settings.PERIODIC_ENCRYPTION_KEYS]
    written: list[str] = []

    def seal_after_another_writer(text: str, context: str) -> str:
        if context.endswith(":token") and not written:
            written.append(context)
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE instances_elementinstance SET token = %s WHERE id = %s",
                    [old_writers_text, made.pk],
                )
        return seal(text, context)

    monkeypatch.setattr(rotation, "seal", seal_after_another_writer)
    rotate()
    assert written
    assert key_id_of(stored(made.pk)) == key_ring().newest
    assert ElementInstance.objects.get(pk=made.pk).token == "written meanwhile"


def test_a_row_deleted_meanwhile_is_no_failure(
    new_instance: NewInstance, settings: Settings, new_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_instance("gone soon")
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key, *settings.PERIODIC_ENCRYPTION_KEYS]

    def seal_after_deletion(text: str, context: str) -> str:
        ElementInstance.objects.filter(pk=made.pk).delete()
        return seal(text, context)

    monkeypatch.setattr(rotation, "seal", seal_after_deletion)
    assert "instances_elementinstance.token: 0 sealed anew" in rotate()


def test_what_does_not_open_is_reported_and_stops_nothing_else(
    new_instance: NewInstance, settings: Settings, new_key: str
) -> None:
    broken, sound = new_instance("broken"), new_instance("sound")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE instances_elementinstance SET token = 'v1.x.y' WHERE id = %s", [broken.pk]
        )
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key, *settings.PERIODIC_ENCRYPTION_KEYS]
    complaints = StringIO()
    with pytest.raises(CommandError, match="1 values could not be sealed anew"):
        call_command("rotate_encryption_keys", stdout=StringIO(), stderr=complaints)
    assert f"instances_elementinstance:{broken.pk}:token" in complaints.getvalue()
    assert stored(broken.pk) == "v1.x.y"
    assert key_id_of(stored(sound.pk)) == key_ring().newest
