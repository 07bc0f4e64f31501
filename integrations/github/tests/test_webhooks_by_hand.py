"""Webhooks that a person made at GitHub, with its own settings: forms among them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from rest_framework.test import APIClient

from events.models import Event
from integrations.github.tests.story import API, Customer

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "as it was typed in at GitHub"
FORM = "application/x-www-form-urlencoded"
WHEN = {"updated_at": "2026-11-01T12:00:00Z"}
ISSUE = {"number": 7, "title": "100% & more = fün", **WHEN}
PUSH = {"ref": "refs/heads/main", "before": "b" * 40, "after": "a" * 40}
BODIES: dict[str, dict[str, Any]] = {
    "issues": {"action": "opened", "issue": ISSUE},
    "issue_comment": {"action": "created", "issue": ISSUE, "comment": {"id": 5, **WHEN}},
    "pull_request": {"action": "opened", "pull_request": {"number": 8, **WHEN}},
    "push": {**PUSH, "pusher": {"name": "octocat"}},
    "push without pusher": PUSH,
}


@pytest.fixture
def hooked(customer: Customer) -> dict[str, Any]:
    return customer.connect("webhook", **{"event.vendor.webhook.secret": SECRET})


def send(instance: dict[str, Any], kind: str, raw: bytes, media_type: str) -> Any:
    proof = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    return APIClient().generic(
        "POST",
        f"{API}/events/github/{instance['id']}",
        raw,  # type: ignore[arg-type]  # the stubs know of text only
        media_type,
        headers={"X-GitHub-Event": kind, "X-Hub-Signature-256": f"sha256={proof}"},
    )


@pytest.mark.parametrize("media_type", ["application/json", FORM])
@pytest.mark.parametrize("name", BODIES)
def test_either_content_type_tells_the_same(
    hooked: dict[str, Any], name: str, media_type: str
) -> None:
    text = json.dumps(BODIES[name])
    raw = urlencode({"payload": text}) if media_type == FORM else text

    answer = send(hooked, name.partition(" ")[0], raw.encode(), media_type)

    assert answer.status_code == 200, answer.content
    message = json.loads(Event.objects.get().body)["message"]
    assert message["raw"] == BODIES[name]
    assert len(message["events"]) == 1


def test_a_form_whose_payload_is_no_json_is_refused(hooked: dict[str, Any]) -> None:
    answer = send(hooked, "issues", b"payload=%7B", FORM)
    assert answer.status_code == 400
    assert "the form's field payload is not JSON" in answer.json()["message"]
