"""POST /instances with a code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

API = "/elements/api-v2"
POLLER = {"changed-messages": {"url": "/hubs/general/changed-messages", "idField": "id"}}
Body = Callable[..., dict[str, Any]]


def test_answers_id_and_token(api: APIClient, body: Body) -> None:
    answer = api.post(f"{API}/instances", body(), format="json")

    assert answer.status_code == 200, answer.content
    created = answer.json()
    assert isinstance(created["id"], int)
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=", created["token"])
    assert created["elementId"] == 6409
    assert created["element"]["key"] == "gmail"
    assert "configuration" not in created["element"]
    assert created["tags"] == ["Mailbox"]
    assert created["valid"] is True
    assert created["disabled"] is False
    assert created["eventsEnabled"] is False
    assert created["externalAuthentication"] == "none"
    assert created["provisionInteractions"] == []
    assert created["user"]["emailAddress"] == "user@example.com"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created["createdDate"])
    assert "problem" not in created


@pytest.mark.parametrize("key", ["/changed-messages", "changed-messages"])
def test_takes_the_documented_bodies_with_events(api: APIClient, body: Body, key: str) -> None:
    poller = {key: POLLER["changed-messages"]}
    events = {
        "event.notification.enabled": True,
        "event.vendor.type": "polling",
        "event.notification.callback.url": "",
        "event.notification.signature.key": "my signature key",
        "event.poller.refresh_interval": 15,
        "event.poller.configuration": poller,
        "some.unknown.key": 1,
    }

    created = api.post(f"{API}/instances", body(events), format="json").json()

    assert created["eventsEnabled"] is True
    configuration = created["configuration"]
    assert configuration["event.notification.enabled"] == "true"
    assert configuration["event.poller.refresh_interval"] == "15"
    assert configuration["some.unknown.key"] == "1"
    assert isinstance(configuration["event.poller.configuration"], str)
    assert configuration["event.notification.signature.key"] == "********"
    assert created["eventsNotificationCallbackUrl"] == "false"
    assert "event.notification.callback.url" in created["problem"]


def test_what_has_no_effect_is_named(api: APIClient, body: Callable[..., dict[str, Any]]) -> None:
    wanted = body()
    wanted["providerData"] |= {"state": "gmail", "realmId": "1", "debug": True, "a\nb": "c"}
    wanted["configuration"]["debug"] = True
    made = api.post(f"{API}/instances", wanted, format="json")
    assert made.status_code == 200, made.content
    assert made["Elements-Error"] == (
        "not used: providerData.realmId, providerData.debug, providerData.?, configuration.debug"
    )
    plain = api.patch(f"{API}/instances/{made.json()['id']}", {"name": "Other"}, format="json")
    assert "Elements-Error" not in plain
