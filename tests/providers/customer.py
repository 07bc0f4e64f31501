"""An account at a stand-in of a provider, connected over the API, and what arrives of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from elements import catalogue
from instances.models import ElementInstance
from integrations.sandbox.faults import Fault, Match, Rule
from integrations.sandbox.provider import CODE, ProviderServer
from polling.models import PollingResource
from tests.all_due import deliver_all_due
from tests.events.receiver import Receiver

API = "/elements/api-v2"
INTEGRATIONS = Path(__file__).resolve().parents[2] / "integrations"
Json = dict[str, Any]
Told = tuple[str, str]  # object id, event type
CONFIGURATION = {"microsofttodo": {"todo.list": "a-list"}}  # beside what every instance needs


class Customer:
    """One instance of the element `key` that polls `resource`."""

    def __init__(
        self, api: APIClient, key: str, resource: str, server: ProviderServer, receiver: Receiver
    ) -> None:
        self.api, self.key, self.resource = api, key, resource
        self.provider, self.receiver = server.provider, receiver
        self.records = server.provider.collections[resource]
        self.read = 0  # notifications that `told` has answered
        self.instance: Json = {}

    def connect(self, **entry: Any) -> None:
        """Makes the instance. Its first poll is still to come."""
        hub = self.call("GET", f"/elements/{self.key}")["hub"]
        polled = {"url": f"/hubs/{hub}/{self.resource}", "idField": "id", **entry}
        body = {
            "name": "An account",
            "element": {"key": self.key},
            "providerData": {"code": CODE},
            "configuration": {
                "oauth.api.key": "client",
                "oauth.api.secret": "secret",
                "oauth.callback.url": "http://127.0.0.1/callback",
                "event.notification.enabled": True,
                "event.notification.callback.url": self.receiver.url,
                "event.poller.configuration": json.dumps({self.resource: polled}),
                **CONFIGURATION.get(self.key, {}),
            },
        }
        self.instance = self.call("POST", "/instances", body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        text = "" if body is None else json.dumps(body)
        answer = self.api.generic(method, API + path, text, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content or b"{}")

    def poll(self) -> Json:
        """Polls until nothing more is due at once; the last report."""
        path = f"/instances/{self.instance['id']}/polls"
        while True:
            report: Json
            [report] = self.call("POST", path)["polls"]
            row = self.row
            waits = row.put_aside_due_at is not None and row.put_aside_due_at <= timezone.now()
            if report["status"] == "failed" or not (waits or row.behind_since):
                return report

    def connect_again(self) -> None:
        """Gives the grant anew."""
        self.call("PATCH", f"/instances/{self.instance['id']}", {"providerData": {"code": CODE}})

    def fault(self, fault: Fault) -> Rule:
        """Has every reading of the resource's records end with a fault."""
        last = self.records.declared["path"].rpartition("/")[2]
        return self.provider.faults.add(Match(path_regex=f"/{last}", method="GET"), fault, None)

    def told(self) -> list[Told]:
        """What arrived of the resource since this was asked last; each notification once."""
        deliver_all_due(attempt_within=2.0)
        arrived = self.receiver.received
        assert len({one.webhook_id for one in arrived}) == len(arrived)
        new, self.read = arrived[self.read :], len(arrived)
        return sorted(
            (event["objectId"], event["eventType"])
            for one in new
            for event in json.loads(one.body)["message"]["events"]
            if event["objectType"] == self.resource  # there are those of the instance itself
        )

    @property
    def page_size(self) -> int:
        """How many records a page is asked for."""
        resource = catalogue.find(self.key).resource(self.resource)
        assert resource is not None
        assert resource.listing is not None
        assert resource.listing.paging is not None
        return resource.listing.paging.largest

    @property
    def row(self) -> PollingResource:
        return PollingResource.objects.get(instance_id=self.instance["id"])

    @property
    def account(self) -> ElementInstance:
        return ElementInstance.objects.get(pk=self.instance["id"])
