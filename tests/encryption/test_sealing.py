"""Text that is sealed opens under its own key, context and form, or not at all."""

from __future__ import annotations

import base64
import os

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from encryption.keys import UnsealError, key_id_of, key_ring, seal, unseal

CONTEXT = "a_table:1:a_column"


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@given(st.text(), st.text())
def test_opens_to_what_was_sealed(text: str, context: str) -> None:
    assert unseal(seal(text, context), context) == text


def test_two_seals_of_one_text_differ() -> None:
    assert seal("same", CONTEXT) != seal("same", CONTEXT)


@pytest.mark.parametrize("context", ["a_table:2:a_column", "b_table:1:a_column", "a_table:1:b", ""])
def test_does_not_open_in_another_place(context: str) -> None:
    with pytest.raises(UnsealError):
        unseal(seal("text", CONTEXT), context)


def test_one_changed_bit_anywhere_keeps_it_closed() -> None:
    version, key_id, encoded = seal("some text", CONTEXT).split(".")
    blob = base64.urlsafe_b64decode(encoded)
    for bit in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        tampered = f"{version}.{key_id}.{base64.urlsafe_b64encode(changed).decode()}"
        with pytest.raises(UnsealError):
            unseal(tampered, CONTEXT)


@given(st.text() | st.text().map(lambda rest: f"v1.{key_ring().newest}.{rest}"))
def test_text_that_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(UnsealError):
        unseal(text, CONTEXT)


def test_text_of_another_form_does_not_open_and_says_so() -> None:
    version, key_id, encoded = seal("text", CONTEXT).split(".")
    for text in ("", f"v2.{key_id}.{encoded}", f"{version}.{key_id}.", f"{version}.{key_id}"):
        with pytest.raises(UnsealError, match=f"^what is stored at {CONTEXT} is not sealed text$"):
            unseal(text, CONTEXT)


def test_another_key_fails_closed_and_says_which_is_missing(settings: Settings) -> None:
    sealed = seal("a secret text", CONTEXT)
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key()]
    with pytest.raises(UnsealError, match=key_id_of(sealed)) as raised:
        unseal(sealed, CONTEXT)
    assert sealed not in str(raised.value)


def test_the_newest_key_seals_and_the_older_ones_still_open(settings: Settings) -> None:
    old = seal("text", CONTEXT)
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key(), *settings.PERIODIC_ENCRYPTION_KEYS]
    assert unseal(old, CONTEXT) == "text"
    assert key_id_of(seal("text", CONTEXT)) == key_ring().newest != key_id_of(old)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ([], "is empty"),
        (["not base64!"], "key 1 of PERIODIC_ENCRYPTION_KEYS is not base64"),
        (["c2hvcnQ="], "has 5 bytes where 32 are needed"),
        ([new_key(), "c2hvcnQ="], "key 2 of"),
    ],
)
def test_unusable_keys_name_the_variable_and_how_to_make_one(
    settings: Settings, keys: list[str], fault: str
) -> None:
    settings.PERIODIC_ENCRYPTION_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match=fault) as raised:
        key_ring()
    assert "PERIODIC_ENCRYPTION_KEYS" in str(raised.value)
    assert "os.urandom(32)" in str(raised.value)


def test_one_key_twice_is_a_mistake(settings: Settings) -> None:
    settings.PERIODIC_ENCRYPTION_KEYS = [settings.PERIODIC_ENCRYPTION_KEYS[0]] * 2
    with pytest.raises(ImproperlyConfigured, match="the same key twice"):
        key_ring()
