"""Mails with files are larger than any other request."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from integrations.gmail.sandbox.server import SandboxServer
from tests.conftest import ClientFor

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"
FILE = bytes(range(256)) * 12_000  # 3 MB


def test_a_mail_with_a_large_file_is_sent(hub: APIClient, sandbox: SandboxServer) -> None:
    attached = {
        "filename": "scan.bin",
        "contentType": "application/octet-stream",
        "content": base64.b64encode(FILE).decode(),
    }
    mail = {"to": "user@example.com", "subject": "Scan", "text": "-", "attachments": [attached]}
    sent = hub.post(f"{API}/messages", mail, format="json")
    assert sent.status_code == 200, sent.content[:500]
    read = hub.get(f"{API}/messages/{sent.json()['id']}").json()
    assert [(one["filename"], one["size"]) for one in read["attachments"]] == [
        ("scan.bin", len(FILE))
    ]


def test_a_body_has_a_limit_even_so(hub: APIClient, settings: Settings) -> None:
    settings.HUB_BODY_LIMIT = 2_000_000
    answer = hub.post(f"{API}/messages", {"text": "x" * 2_000_000}, format="json")
    assert answer.status_code == 413
    assert answer.json()["message"] == "the body is larger than 2000000 bytes"


def test_other_bodies_end_at_a_megabyte(
    organization: NewOrganization, client_for: ClientFor
) -> None:
    answer = client_for(organization).post(
        f"{API}/instances", {"name": "x" * 1_100_000}, format="json"
    )
    assert answer.status_code == 413
    assert answer.json()["message"] == "the body is larger than 1048576 bytes"


def test_where_there_is_no_room_for_an_answer_one_asks_again_later(
    hub: APIClient, no_room: Callable[[], None]
) -> None:
    refused = hub.get(f"{API}/messages")
    assert refused.status_code == 503, refused.content
    assert refused["Retry-After"] == "5"
    assert refused.json()["message"] == "too many large answers are being read at once"
    no_room()
    assert hub.get(f"{API}/messages").status_code == 200
