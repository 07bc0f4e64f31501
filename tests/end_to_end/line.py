"""The straight line as a customer walks it: a mailbox, the API, and what arrived at the callback.

The customer speaks HTTP only. `deliver` stands for the worker's delivery line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils import timezone
from rest_framework.test import APIClient

from events.models import Delivery
from integrations.gmail.sandbox.control_client import SandboxControl
from tests.all_due import deliver_all_due
from tests.events.receiver import Notification, Receiver

API = "/elements/api-v2"
MAILBOX = "user@example.com"
REDIRECT = "http://127.0.0.1/callback"
SIGNATURE_KEY = "a signature key"
RESOURCE = "changed-messages"
POLLER = {RESOURCE: {"url": "/hubs/general/changed-message", "idField": "id"}}
Json = dict[str, Any]


class Line:
    """One connected mailbox. `control` is the provider's side, `receiver` the customer's."""

    def __init__(
        self,
        api: APIClient,
        control: SandboxControl,
        receiver: Receiver,
        mailbox: str = MAILBOX,
    ) -> None:
        self.api = api
        self.control = control
        self.receiver = receiver
        self.mailbox = mailbox
        self.instance: Json = {}

    # --- Connecting ------------------------------------------------------------------------------

    def consent(self) -> str:
        """Walks to the consent page and back; returns the code."""
        url = self.api.get(
            f"{API}/elements/gmail/oauth/url",
            {"apiKey": "sandbox-client", "apiSecret": "sandbox-secret", "callbackUrl": REDIRECT},
        ).json()["oauthUrl"]
        location = self.control.approve(url, self.mailbox)
        return parse_qs(urlsplit(location).query)["code"][0]

    def connect(
        self,
        configuration: Mapping[str, Any] | None = None,
        *,
        poller: Any = None,
        name: str = "Mailbox",
    ) -> Json:
        """Connects the mailbox, with events on unless `configuration` says otherwise."""
        body = {
            "name": name,
            "element": {"key": "gmail"},
            "providerData": {"code": self.consent()},
            "configuration": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.callback.url": REDIRECT,
                "event.notification.enabled": True,
                "event.vendor.type": "polling",
                "event.notification.type": "webhook",
                "event.notification.callback.url": self.receiver.url,
                "event.notification.signature.key": SIGNATURE_KEY,
                "event.poller.refresh_interval": "15",
                "event.poller.configuration": poller or POLLER,
                **(configuration or {}),
            },
            "tags": ["mailboxes"],
        }
        self.instance = self._call("POST", "/instances", body)
        return self.instance

    def change(self, **body: Any) -> Json:
        """PATCH of the instance."""
        return self._call("PATCH", f"/instances/{self.instance['id']}", body)

    def reconnect(self) -> Json:
        """PUT of the instance with a new code, as it stands otherwise."""
        shown = self._call("GET", self.path)
        body = {
            "name": shown["name"],
            "tags": shown["tags"],
            "configuration": shown["configuration"],
            "providerData": {"code": self.consent()},
        }
        return self._call("PUT", self.path, body)

    # --- Polling and delivering ------------------------------------------------------------------

    @property
    def path(self) -> str:
        return f"/instances/{self.instance['id']}"

    def poll(self) -> Json:
        """Polls now; the report on changed-messages."""
        answer = self._call("POST", f"{self.path}/polls")
        [report] = answer["polls"]
        assert report["resource"] == RESOURCE
        return dict(report)

    def deliver(self) -> None:
        deliver_all_due(attempt_within=2.0)

    def poll_and_deliver(self) -> Json:
        report = self.poll()
        self.deliver()
        return report

    def retry(self) -> None:
        """Delivers what waits for its retry, as if that time had come."""
        Delivery.objects.filter(status="retry").update(next_attempt_at=timezone.now())
        self.deliver()

    # --- What the customer sees ------------------------------------------------------------------

    def shown(self) -> Json:
        return self._call("GET", self.path)

    def events(self) -> list[Json]:
        """All events of the instance, oldest first, read page by page."""
        found: list[Json] = []
        query: dict[str, str] = {"pageSize": "200"}
        while True:
            answer = self.api.get(f"{API}{self.path}/events", query)
            assert answer.status_code == 200, answer.content
            found += answer.json()
            if "Elements-Next-Page-Token" not in answer.headers:
                return found[::-1]
            query["nextPage"] = answer.headers["Elements-Next-Page-Token"]

    def told(self) -> list[tuple[str, str]]:
        """(message id, event type) of everything that arrived, in the order of the event ids.

        Fails when one event arrived under two webhook ids, or twice without need.
        """
        return [(one["objectId"], one["eventType"]) for _, one in self.changes()]

    def changes(self) -> Iterator[tuple[Json, Json]]:
        """(record, event) of every change that arrived, in the order of the event ids."""
        yield from changes_of(self.receiver.received)

    def _call(self, method: str, path: str, body: Any = None) -> Json:
        answer = self.api.generic(
            method,
            API + path,
            "" if body is None else json.dumps(body),
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content
        answered: Json = json.loads(answer.content or b"{}")
        return answered


def changes_of(received: list[Notification]) -> Iterator[tuple[Json, Json]]:
    """(record, event) of the changes of messages; each event must have arrived exactly once."""
    messages = [json.loads(one.body)["message"] for one in received]
    assert_once(message["eventId"] for message in messages)
    assert_once(one.webhook_id for one in received)
    for message in sorted(messages, key=event_id):
        records = message["raw"].get(RESOURCE, [])
        events = [one for one in message["events"] if one["objectType"] == RESOURCE]
        assert [record["id"] for record in records] == [event["objectId"] for event in events]
        assert len(events) <= 10
        yield from zip(records, events, strict=True)


def event_id(message: Json) -> int:
    return int(message["eventId"])


def assert_once(ids: Iterable[Any]) -> None:
    repeated = [id_ for id_, times in Counter(ids).items() if times > 1]
    assert repeated == []
