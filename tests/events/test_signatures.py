"""Both signatures verify, with the same signature key, by code that is not ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from events import signature

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = "MySecretEventSignatureKey"


@pytest.fixture(autouse=True, scope="module")
def _at_that_time() -> Iterator[None]:
    """The library looks at its own clock."""
    with time_machine.travel(NOW, tick=False):
        yield


def test_the_documented_vector_of_the_elements_signature() -> None:
    body = b"<INSERT_EVENT_NOTIFICATION_RESPONSE_BODY>"

    signed = signature.elements_signature(KEY, body)

    assert signed == "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ="


TEXT = st.text(st.characters(codec="utf-8"))


@given(key=TEXT.filter(lambda key: key and not key.startswith("whsec_")), text=TEXT)
def test_any_key_verifies_with_a_standard_webhooks_library(key: str, text: str) -> None:
    body = json.dumps({"text": text}, ensure_ascii=False).encode()

    headers = signature.headers(key, "msg_1", body, NOW)

    verifier = Webhook("whsec_" + base64.b64encode(key.encode()).decode())
    assert verifier.verify(body, headers) == {"text": text}


def test_a_key_in_the_form_of_standard_webhooks_is_used_as_it_stands() -> None:
    key = "whsec_" + base64.b64encode(bytes(range(32))).decode()

    headers = signature.headers(key, "msg_1", b"{}", NOW)

    Webhook(key).verify(b"{}", headers)
    assert headers["Elements-Webhook-Signature"] == signature.elements_signature(key, b"{}")


@pytest.mark.parametrize("key", ["whsec_", "whsec_not base64!"])
def test_what_only_begins_like_such_a_key_is_text(key: str) -> None:
    headers = signature.headers(key, "msg_1", b"{}", NOW)

    Webhook("whsec_" + base64.b64encode(key.encode()).decode()).verify(b"{}", headers)


def test_a_changed_body_or_id_does_not_verify() -> None:
    headers = signature.headers(KEY, "msg_1", b"{}", NOW)
    verifier = Webhook("whsec_" + base64.b64encode(KEY.encode()).decode())

    with pytest.raises(WebhookVerificationError):
        verifier.verify(b"{ }", headers)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(b"{}", {**headers, "webhook-id": "msg_2"})


def test_without_a_key_there_are_ids_and_no_signatures() -> None:
    headers = signature.headers("", "msg_1", b"{}", NOW)

    assert headers == {
        "Elements-Webhook-Id": "msg_1",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
    }
