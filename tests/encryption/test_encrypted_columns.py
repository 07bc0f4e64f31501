"""An encrypted column reads in clear as an attribute and is sealed in the database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection
from pytest_django import Settings

from encryption.fields import Sealed, context_of
from encryption.keys import UnsealError, unseal
from instances.models import ElementInstance

NewInstance = Callable[[str], ElementInstance]
TABLE = ElementInstance._meta.db_table


def stored_token(pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM instances_elementinstance WHERE id = %s", [pk])
        return str(cursor.fetchone()[0])


def test_the_attribute_is_clear_and_the_column_sealed(new_instance: NewInstance) -> None:
    made = new_instance("the token")
    stored = stored_token(made.pk)
    assert made.token == "the token"
    assert ElementInstance.objects.get(pk=made.pk).token == "the token"
    assert "the token" not in stored
    assert unseal(stored, context_of(TABLE, made.pk, "token")) == "the token"


def test_rows_get_consecutive_ids_of_the_tables_sequence(new_instance: NewInstance) -> None:
    first, second = new_instance("a"), new_instance("b")
    assert second.pk == first.pk + 1


def test_changes_are_sealed_anew_and_what_was_not_read_stays(new_instance: NewInstance) -> None:
    made = new_instance("before")
    untouched = ElementInstance.objects.get(pk=made.pk)
    before = stored_token(made.pk)
    untouched.name = "Another name"
    untouched.save()
    assert stored_token(made.pk) == before
    untouched.token = "after"
    untouched.save(update_fields=["token"])
    assert ElementInstance.objects.get(pk=made.pk).token == "after"
    assert stored_token(made.pk) != before


def test_a_deferred_column_loads_when_it_is_read(new_instance: NewInstance) -> None:
    made = new_instance("deferred")
    assert ElementInstance.objects.defer("token").get(pk=made.pk).token == "deferred"
    made.refresh_from_db(fields=["token"])
    assert made.token == "deferred"


def test_sealed_text_moved_to_another_row_does_not_open(new_instance: NewInstance) -> None:
    one, other = new_instance("one"), new_instance("other")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE instances_elementinstance SET token = %s WHERE id = %s",
            [stored_token(one.pk), other.pk],
        )
    with pytest.raises(UnsealError):
        _ = ElementInstance.objects.get(pk=other.pk).token


def test_a_wrong_key_raises_and_the_row_can_still_be_used(
    new_instance: NewInstance, settings: Settings, new_key: str
) -> None:
    made = new_instance("lost")
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key]
    again = ElementInstance.objects.get(pk=made.pk)
    assert again.name == "A mailbox"
    with pytest.raises(UnsealError):
        _ = again.token


def test_filtering_by_it_and_updating_without_a_row_are_refused(
    new_instance: NewInstance,
) -> None:
    made = new_instance("never in a query")
    with pytest.raises(FieldError):
        ElementInstance.objects.filter(token="never in a query")
    with pytest.raises(FieldError):
        ElementInstance.objects.filter(token__startswith="never")
    with pytest.raises(TypeError, match="token is encrypted"):
        ElementInstance.objects.update(token="never in a query")
    with pytest.raises(TypeError, match="token is encrypted"):
        ElementInstance.objects.bulk_update([made], ["token"])


def test_lists_of_values_never_show_sealed_text_as_if_it_were_clear(
    new_instance: NewInstance,
) -> None:
    made = new_instance("hidden")
    (value,) = ElementInstance.objects.values_list("token", flat=True)
    assert isinstance(value, Sealed)
    assert stored_token(made.pk) not in repr(value)


def test_copying_an_object_never_carries_over_the_sealed_text(new_instance: NewInstance) -> None:
    copied = ElementInstance.objects.get(pk=new_instance("original").pk)
    copied.pk = None
    copied.token_digest = "0" * 64
    with pytest.raises(ValueError, match="sealed for another row"):
        copied.save()


def test_fixtures_do_not_leak_clear_text(new_instance: NewInstance) -> None:
    with pytest.raises(TypeError, match="pg_dump"):
        serializers.serialize("json", [new_instance("secret")])
