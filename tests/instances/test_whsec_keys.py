"""Signature keys that look like those of Standard Webhooks are such keys, or refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from api.errors import BadRequest
from instances import configuration
from instances.whsec import check

KEY = configuration.SIGNATURE_KEY


def written(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(size))).decode()


@for_any(st.binary(min_size=24, max_size=64))
def test_24_to_64_bytes_in_base64_are_taken(key: bytes) -> None:
    check("whsec_" + base64.b64encode(key).decode(), KEY)


@pytest.mark.parametrize("key", ["", "a key of one's own", "secret_whsec_", "MfKQ9r8GKYqr", "ключ"])
def test_other_texts_are_keys_as_they_stand(key: str) -> None:
    assert configuration.given({KEY: key}) == {KEY: key}


@pytest.mark.parametrize(
    "key",
    [
        "whsec_",
        "whsec_not base64!",
        written(23),
        written(65),
        written(32).rstrip("="),
        written(32) + "=",
        written(32) + "\n",
        " " + written(32),
        written(32).replace("whsec_", "WHSEC_"),
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "whsec_" + "ab" * 32 + "!",
        "whsk_" + base64.b64encode(b"a" * 64).decode(),
        "whpk_" + base64.b64encode(b"a" * 32).decode(),
    ],
)
def test_what_only_looks_like_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BadRequest) as refused:
        configuration.given({KEY: key})

    message = str(refused.value)
    assert message.startswith(f"configuration.{KEY}: ")
    assert len(key) < 10 or key[6:] not in message
