"""A repository connected over the API, and what arrives at the customer's callback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.test import APIClient

from integrations.github.sandbox.server import SandboxServer
from integrations.github.sandbox.world import DEFAULT_CLIENT, DEFAULT_REPOSITORY, World
from tests.all_due import deliver_all_due
from tests.events.receiver import Receiver

API = "/elements/api-v2"
REDIRECT = "http://127.0.0.1/callback"
Json = dict[str, Any]


class Customer:
    """`github` is the provider's side, `receiver` the customer's."""

    def __init__(self, api: APIClient, github: SandboxServer, receiver: Receiver) -> None:
        self.api = api
        self.github = github
        self.receiver = receiver

    @property
    def world(self) -> World:
        return self.github.state.world

    def consent(self) -> str:
        """Walks to the consent page and back; returns the code."""
        client_id, secret = DEFAULT_CLIENT
        asked = {"apiKey": client_id, "apiSecret": secret, "callbackUrl": REDIRECT}
        url = self.api.get(f"{API}/elements/github/oauth/url", asked).json()["oauthUrl"]
        return self.github.approve(url)

    def body(self, vendor_type: str, configuration: Mapping[str, Any] | None = None) -> Json:
        client_id, secret = DEFAULT_CLIENT
        return {
            "name": "Repository",
            "element": {"key": "github"},
            "providerData": {"code": self.consent()},
            "configuration": {
                "oauth.api.key": client_id,
                "oauth.api.secret": secret,
                "oauth.callback.url": REDIRECT,
                "github.repository": DEFAULT_REPOSITORY,
                "event.notification.enabled": True,
                "event.vendor.type": vendor_type,
                "event.notification.callback.url": self.receiver.url,
                **(configuration or {}),
            },
        }

    def connect(self, vendor_type: str, **configuration: Any) -> Json:
        made: Json = self.call("POST", "/instances", self.body(vendor_type, configuration))
        return made

    def call(self, method: str, path: str, body: Any = None) -> Any:
        text = "" if body is None else json.dumps(body)
        answer = self.api.generic(method, API + path, text, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content or b"{}")

    def told(self, instance: Json) -> set[tuple[str, str, str]]:
        """(objectType, objectId, eventType) of all that arrived for the instance; each once."""
        deliver_all_due(attempt_within=2.0)
        messages = [json.loads(one.body)["message"] for one in self.receiver.received]
        told = [
            (event["objectType"], event["objectId"], event["eventType"])
            for message in messages
            if message["instanceId"] == instance["id"]
            for event in message["events"]
        ]
        assert len(told) == len(set(told))
        return set(told)


def eventually(is_so: Callable[[], bool], within: float = 10.0) -> None:
    """Waits for what another thread does."""
    until = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.01)
