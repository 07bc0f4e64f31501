"""An element that a customer wrote as JSON says how its provider sends webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from events.models import Event
from instances.models import ElementInstance
from polling.models import PollingResource
from tests.all_due import deliver_all_due
from tests.elements.ledger import Provider, ledger, provider
from tests.events.receiver import Receiver
from tests.events.vendor import API, BODY, SECRET, WEBHOOK, connect, element, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def provided(settings: Settings) -> Iterator[Provider]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with provider() as it:
        yield it


@pytest.fixture
def api(organization: NewOrganization, client_for: Callable[..., APIClient]) -> APIClient:
    return client_for(organization)


def call(api: APIClient, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    text = "" if body is None else json.dumps(body)
    answer = api.generic(method, API + path, text, "application/json")
    assert answer.status_code == status, answer.content
    return json.loads(answer.content or b"{}")


def wanted(more: dict[str, Any], receiver: Receiver | None = None) -> dict[str, Any]:
    return {
        "name": "Books",
        "element": {"key": "ledger"},
        "configuration": {
            "api.key": "a-key",
            "event.notification.enabled": True,
            "event.notification.callback.url": receiver.url if receiver else "",
            "event.notification.signature.key": "a signature key",
            "event.vendor.type": "webhooks",
            "event.vendor.webhook.secret": SECRET,
            **more,
        },
    }


def test_from_json_to_a_signed_callback(
    api: APIClient, provided: Provider, receiver: Receiver
) -> None:
    call(api, "POST", "/elements", ledger(provided.url, webhook=WEBHOOK))
    instance = call(api, "POST", "/instances", wanted({}, receiver))
    assert not PollingResource.objects.filter(active=True).exists()

    assert send(f"ledger/{instance['id']}").status_code == 200
    deliver_all_due(attempt_within=2.0)

    (notification,) = receiver.received
    assert notification.headers["elements-webhook-signature"].startswith("sha256=")
    message = json.loads(notification.body)["message"]
    assert (message["raw"], message["elementKey"]) == (BODY, "ledger")
    (event,) = call(api, "GET", f"/instances/{instance['id']}/events")
    assert (event["status"], json.loads(event["providerData"])) == ("NOTIFIED", BODY)
    # The reference that a provider is given is the one that events show.
    assert send(f"ledger/{event['encodedid']}", {**BODY, "n": 1}).status_code == 200
    assert Event.objects.count() == 2


def test_an_instance_goes_from_polling_to_webhooks_and_back(
    api: APIClient, provided: Provider
) -> None:
    call(api, "POST", "/elements", ledger(provided.url, webhook=WEBHOOK))
    entries = {"entries": {"url": "/hubs/finance/entries", "idField": "id"}}
    polled = {"event.vendor.type": "polling", "event.poller.configuration": entries}
    instance = call(api, "POST", "/instances", wanted(polled))
    path = f"/instances/{instance['id']}"
    assert PollingResource.objects.filter(active=True).count() == 1
    assert send(f"ledger/{instance['id']}").status_code == 200
    assert not Event.objects.exists()

    call(api, "PATCH", path, {"configuration": {"event.vendor.type": "webhook"}})
    assert not PollingResource.objects.filter(active=True).exists()
    send(f"ledger/{instance['id']}")
    assert Event.objects.count() == 1

    call(api, "PATCH", path, {"configuration": {"event.vendor.type": "polling"}})
    assert PollingResource.objects.filter(active=True).count() == 1


def test_the_secret_is_needed_and_never_shown(api: APIClient, provided: Provider) -> None:
    call(api, "POST", "/elements", ledger(provided.url, webhook=WEBHOOK))
    without = wanted({"event.vendor.webhook.secret": None})
    refused = call(api, "POST", "/instances", without, status=400)
    assert refused["message"].startswith("event.vendor.webhook.secret is missing")

    instance = call(api, "POST", "/instances", wanted({}))
    shown = call(api, "GET", f"/instances/{instance['id']}")["configuration"]
    assert shown["event.vendor.webhook.secret"] == "********"
    assert shown["event.vendor.type"] == "webhooks"
    assert SECRET not in json.dumps(call(api, "GET", f"/instances/{instance['id']}/configuration"))


def test_only_elements_that_declare_it_take_webhooks(api: APIClient, provided: Provider) -> None:
    call(api, "POST", "/elements", ledger(provided.url))
    for word in ("webhook", "webhooks", "WEBHOOK"):
        body = wanted({"event.vendor.type": word})
        refused = call(api, "POST", "/instances", body, status=400)
        assert refused["message"].startswith("event.vendor.type: must be polling: Ledger has no ")


def test_it_is_shown_exported_and_read_again(api: APIClient) -> None:
    made = call(api, "POST", "/elements", ledger(webhook=WEBHOOK))
    exported = call(api, "GET", "/elements/ledger/export")
    assert made["webhook"] == exported["webhook"]
    assert exported["webhook"]["signature"] == {
        **WEBHOOK["signature"],
        "encoding": "hex",
        "signed": "{body}",
        "secretKey": "event.vendor.webhook.secret",
    }
    assert exported["webhook"]["eventTypes"]["ping"] == "ignored"
    again = call(api, "POST", "/elements", {**exported, "key": "again"})
    assert again["webhook"] == made["webhook"]
    assert [one["key"] for one in again["configuration"]] == [
        one["key"] for one in made["configuration"]
    ]
    events = call(api, "GET", "/elements/ledger/metadata")["events"]
    assert (events["supported"], events["methods"]) == (True, ["polling", "webhook"])

    call(api, "PUT", "/elements/ledger", {**exported, "webhook": None})
    assert "webhook" not in call(api, "GET", "/elements/ledger")


def test_an_element_that_extends_another_may_receive_webhooks(api: APIClient) -> None:
    body = {"name": "Our Gmail", "key": "ours", "extends": "gmail", "webhook": WEBHOOK}
    call(api, "POST", "/elements", body)
    exported = call(api, "GET", "/elements/ours/export?extendedOnly=true")
    assert exported["webhook"]["records"] == "data.entries"
    assert "webhook" not in call(api, "GET", "/elements/gmail")


@pytest.mark.parametrize(
    ("webhook", "says"),
    [
        ({"signature": None}, "webhook.signature: is missing: without one anybody could send"),
        ({"signature": {}}, "webhook.signature: is missing"),
        ({"signature": {"header": ""}}, "webhook.signature.header: is missing"),
        (
            {"signature": {"header": "a b"}},
            "webhook.signature.header: must be the name of a header",
        ),
        ({"signature": {"header": "X", "proof": "md5"}}, "webhook.signature.proof: must be one of"),
        ({"signature": {"header": "X", "encoding": 5}}, "webhook.signature.encoding: must be a"),
        (
            {"signature": {"header": "X", "secretKey": "base.url"}},
            "webhook.signature.secretKey: base.url must be an entry of the type PASSWORD",
        ),
        (
            {"signature": {"header": "X", "secretKey": "event.other"}},
            "webhook.signature.secretKey: event.other is reserved",
        ),
        *(
            (
                {"signature": {"header": "X", "signed": text}},
                "webhook.signature.signed: must hold {body} once",
            )
            for text in ("v0:", "{body}{body}", "{time}{body}", "{header:a b}{body}", "}{body}")
        ),
        ({"objectType": None}, "webhook.objectType: is missing"),
        ({"objectType": "a..b"}, "webhook.objectType: must be a path"),
        ({"objectType": "cookie:x"}, "webhook.objectType: must be a path"),
        ({"objectId": "header:"}, "webhook.objectId: must be a path"),
        ({"records": "header:X"}, "webhook.records: must be a path"),
        ({"deliveryId": "value:same"}, "webhook.deliveryId: must be a path"),
        ({"date": ["at"]}, "webhook.date: must be a string"),
        ({"eventTypes": []}, "webhook.eventTypes: must be an object"),
        ({"eventTypes": {"a": "MOVED"}}, "webhook.eventTypes.a: must be one of CREATED"),
        (
            {"eventTypes": {"a": None}},
            "webhook.eventTypes.a: is missing: it must be one of CREATED",
        ),
        ({"eventTypes": {" ": "CREATED"}}, "is missing"),
        ({"eventTypes": {f"w{n}": "CREATED" for n in range(201)}}, "201 words; 200 are allowed"),
        ({"objectTypes": {"a": 5}}, "webhook.objectTypes.a: must be a string, not a number"),
        ({"objectTypes": {"a": ""}}, "webhook.objectTypes.a: is missing"),
        ({"objectTypes": {"a": "x" * 101}}, "webhook.objectTypes.a: has 101 characters"),
    ],
)
def test_a_declaration_that_cannot_be_used_names_its_place(
    api: APIClient, webhook: dict[str, Any], says: str
) -> None:
    body = ledger(webhook={**WEBHOOK, **webhook})
    assert says in call(api, "POST", "/elements", body, status=400)["message"]


def test_elements_of_one_key_are_each_their_organizations(organization: NewOrganization) -> None:
    other = create_organization("Another", "other@example.com")
    element(organization)
    element(other, records="", objectId="data.entries.0.amount", objectType="value:theirs")
    ours, theirs = connect(organization), connect(other, secret="their secret")

    assert send(f"ledger/{theirs.pk}").status_code == 401
    send(f"ledger/{ours.pk}")
    send(f"ledger/{theirs.pk}", secret="their secret")

    found = Event.objects.order_by("pk").values_list("organization", "object_type", "objects_found")
    assert [(who, what, objects[0]["objectId"]) for who, what, objects in found] == [
        (organization.organization.pk, "entries", "e1"),
        (other.organization.pk, "theirs", "5"),
    ]


def test_an_element_that_has_none_any_more_receives_none(
    api: APIClient, organization: NewOrganization
) -> None:
    element(organization)
    books = connect(organization)
    call(api, "PUT", "/elements/ledger", ledger())
    assert send(f"ledger/{books.pk}").status_code == 404
    assert ElementInstance.objects.get().vendor_type == "webhook"


def test_only_the_objects_that_are_named_are_told_of(api: APIClient, provided: Provider) -> None:
    call(api, "POST", "/elements", ledger(provided.url, webhook=WEBHOOK))
    others = call(api, "POST", "/instances", wanted({"event.objects": "accounts, transfers"}))
    own = call(api, "POST", "/instances", wanted({"event.objects": "accounts,ENTRIES"}))
    for instance in (others, own):
        assert send(f"ledger/{instance['id']}").status_code == 200
    assert [event.instance_id for event in Event.objects.all()] == [own["id"]]

    call(api, "PATCH", f"/instances/{others['id']}", {"configuration": {"event.objects": None}})
    send(f"ledger/{others['id']}", {**BODY, "n": 1})
    assert Event.objects.filter(instance_id=others["id"]).count() == 1
