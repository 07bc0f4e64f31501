"""Where somebody asks for it, an instance takes unsigned webhooks at an address of its own."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from accounts.secret import digest
from audit.models import Action, AuditEntry
from elements.definition.webhook import NOTHING_IS_SIGNED
from elements.register import replace
from events.models import Event, UnsignedAddress
from events.networks import ANY
from instances.models import ElementInstance
from tests.conftest import ClientFor
from tests.elements.ledger import ledger
from tests.events.vendor import API, BODY, HEADER, WEBHOOK, connect, element, send, signature

pytestmark = pytest.mark.django_db

NO_SIGNATURE = {"proof": "none"}
OFFICE = "203.0.113.7"  # of the provider
ELSEWHERE = "198.51.100.9"


@pytest.fixture
def books(organization: NewOrganization) -> ElementInstance:
    element(organization, signature=NO_SIGNATURE)
    return connect(organization, secret="")


@pytest.fixture
def api(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


def opened(api: APIClient, instance: ElementInstance, *networks: str) -> str:
    """The path of a new address of the instance."""
    answer = ask(api, "post", instance, {"networks": list(networks) or [ANY]})
    assert answer.status_code == 200, answer.content
    path = str(answer.json()["url"]).removeprefix("http://localhost:8000")
    assert re.fullmatch(rf"{API}/events/ledger/unsigned/[\w-]{{43}}", path)
    return path


def ask(api: APIClient, method: str, instance: ElementInstance, body: Any = None) -> Any:
    path = f"{API}/instances/{instance.pk}/unsigned-webhooks"
    return getattr(api, method)(path, body, format="json" if method in {"post", "patch"} else None)


def sent(path: str, body: Any = BODY, client: str = OFFICE, **more: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    content_type = more.pop("content_type", "application/json")
    return APIClient().generic(
        "POST", path, raw, content_type, REMOTE_ADDR=client, **more  # type: ignore[arg-type]
    )  # fmt: skip


# --- Nothing by default --------------------------------------------------------------------------


def test_nothing_unsigned_is_taken_where_nobody_has_asked(
    books: ElementInstance, api: APIClient
) -> None:
    assert ask(api, "get", books).json() == {
        "enabled": False,
        "networks": [],
        "createdDate": None,
        "receivedDate": None,
        "refused": None,
    }
    answer = send(f"ledger/{books.pk}", secret="")
    assert answer.status_code == 401
    assert "address of its own" in answer.json()["message"]
    for key in ("a" * 43, "", "unsigned", str(books.pk)):
        assert sent(f"{API}/events/ledger/unsigned/{key}").status_code == 404
    assert not Event.objects.exists()


def test_the_shared_address_takes_nothing_where_somebody_has_asked(
    books: ElementInstance, api: APIClient
) -> None:
    opened(api, books)
    raw = json.dumps(BODY).encode()
    for secret in ("", "what the provider signs with"):
        for headers in ({}, {HEADER: signature(raw, secret)}, {"": ""}):
            headers = {name: value for name, value in headers.items() if name}
            for path in (f"ledger/{books.pk}", "ledger"):
                headers = {**headers, "Element-Instances": str(books.pk)}
                assert sent(f"{API}/events/{path}", headers=headers).status_code == 401
    assert not Event.objects.exists()


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "no webhook"])
def test_only_elements_whose_provider_signs_nothing_have_such_addresses(
    organization: NewOrganization, api: APIClient, signed: bool
) -> None:
    if signed:
        element(organization)
        instance = connect(organization)
    else:
        instance = connect(organization, element_key="gmail", vendor_type="polling")
    answer = ask(api, "post", instance, {"networks": [ANY]})
    assert answer.status_code == 409
    assert "proof is none" in answer.json()["message"]
    assert not UnsignedAddress.objects.exists()


def test_an_address_takes_nothing_more_once_the_element_says_that_its_provider_signs(
    organization: NewOrganization, books: ElementInstance, api: APIClient
) -> None:
    path = opened(api, books)
    replace(organization.organization.pk, "ledger", ledger(webhook=WEBHOOK))
    assert sent(path).status_code == 404
    assert not Event.objects.exists()


# --- What is taken -------------------------------------------------------------------------------


def test_what_comes_to_the_address_is_an_event(books: ElementInstance, api: APIClient) -> None:
    path = opened(api, books, "203.0.113.0/24")

    answer = sent(path)

    assert (answer.status_code, answer.content) == (200, b"")
    event = Event.objects.get()
    assert (event.instance_id, event.object_type) == (books.pk, "entries")
    assert event.objects_found == [{"objectId": "e1", "eventType": "CREATED"}]
    assert ask(api, "get", books).json()["receivedDate"] is not None


def test_a_form_and_a_query_are_taken_and_an_empty_query_tells_nothing(
    organization: NewOrganization, api: APIClient
) -> None:
    plain = {"records": "", "objectType": "value:contacts", "eventType": ""}
    element(organization, signature=NO_SIGNATURE, deliveryId="", date="", **plain)
    books = connect(organization, secret="")
    path = opened(api, books)
    form = "application/x-www-form-urlencoded"

    assert sent(path, b'userId=["77"]&id=c1', content_type=form).status_code == 200
    assert APIClient().get(f"{path}?id=c2").status_code == 200
    assert APIClient().get(path).status_code == 200

    found = Event.objects.order_by("pk").values_list("objects_found", flat=True)
    assert [one["objectId"] for objects in found for one in objects] == ["c1", "c2"]


def test_a_delivery_that_is_sent_again_is_one_event(books: ElementInstance, api: APIClient) -> None:
    path = opened(api, books)
    for number in (1, 1, 2):
        headers = {"X-Ledger-Delivery": f"d{number}"}
        assert sent(path, headers=headers).status_code == 200
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    "off", [{"enabled": False}, {"events_enabled": False}, {"vendor_type": "polling"}]
)
def test_what_is_off_is_told_nothing(
    books: ElementInstance, api: APIClient, off: dict[str, Any]
) -> None:
    path = opened(api, books)
    ElementInstance.objects.filter(pk=books.pk).update(**off)
    assert sent(path).status_code == 200
    assert not Event.objects.exists()


def test_what_cannot_be_read_is_refused(
    books: ElementInstance, api: APIClient, settings: Settings
) -> None:
    path = opened(api, books)
    settings.WEBHOOK_BODY_LIMIT = 2_000_000
    for body, status in ((b"{", 400), (b"[" * 60 + b"]" * 60, 400), (b"{}", 422)):
        assert sent(path, body).status_code == status
    assert sent(path, b'{"a": "' + b"x" * 2_000_000 + b'"}').status_code == 413
    assert sent(path, b"x", content_type="multipart/form-data; boundary=x").status_code == 415
    assert not Event.objects.exists()


# --- Who may send --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "client", "taken"),
    [
        ("203.0.113.0/24", OFFICE, True),
        ("203.0.113.7", OFFICE, True),
        ("203.0.113.8/32", OFFICE, False),
        ("203.0.113.0/24", ELSEWHERE, False),
        ("203.0.113.0/24", f"::ffff:{OFFICE}", True),
        ("2001:db8:1:2:3::/80", "2001:db8:1:2:3::4", True),
        ("2001:db8:1:2:3::/80", "2001:db8:1:2:4::4", False),  # of the same 64 bits
        ("2001:db8::/32", OFFICE, False),
        ("203.0.113.0/24", "", False),
        (ANY, ELSEWHERE, True),
        (ANY, "2001:db8::1", True),
    ],
)
def test_only_the_networks_that_were_named_may_send(
    books: ElementInstance, api: APIClient, network: str, client: str, taken: bool
) -> None:
    answer = sent(opened(api, books, network), client=client)
    assert answer.status_code == (200 if taken else 403)
    assert Event.objects.count() == taken


def test_who_was_refused_is_shown(books: ElementInstance, api: APIClient) -> None:
    path = opened(api, books, "192.0.2.0/24")
    assert sent(path, client=ELSEWHERE).status_code == 403
    shown = ask(api, "get", books).json()
    assert shown["refused"]["address"] == ELSEWHERE
    assert shown["receivedDate"] is None


def test_a_proxy_is_believed_as_far_as_the_operator_says(
    books: ElementInstance, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = opened(api, books, OFFICE)
    forwarded = {"X-Forwarded-For": f"{OFFICE}, {ELSEWHERE}"}
    for proxies, client in ((0, ELSEWHERE), (1, ELSEWHERE), (1, OFFICE)):
        monkeypatch.setattr("rest_framework.throttling.api_settings.NUM_PROXIES", proxies)
        assert sent(path, client=client, headers=forwarded).status_code == 403
    monkeypatch.setattr("rest_framework.throttling.api_settings.NUM_PROXIES", 1)
    through = {"X-Forwarded-For": f"{ELSEWHERE}, {OFFICE}"}
    assert sent(path, client="10.0.0.1", headers=through).status_code == 200


@pytest.mark.parametrize(
    ("networks", "named"),
    [
        (None, "networks is missing"),
        ([], "networks is missing"),
        ("any", "networks must be a list"),
        (["any", "203.0.113.0/24"], "any alone"),
        (["203.0.113.0/24", "nowhere"], "networks[1]"),
        (["203.0.113.7/24"], "networks[0]"),  # has bits beyond its prefix
        (["0.0.0.0/0"], 'give ["any"]'),
        (["::/0"], 'give ["any"]'),
        (["::ffff:203.0.113.0/120"], "networks[0]"),
        ([7], "networks[0]"),
        (["203.0.113.0/24"] * 51, "50 are allowed"),
    ],
)
@pytest.mark.parametrize("method", ["post", "patch"])
def test_networks_that_are_none_are_refused(
    books: ElementInstance, api: APIClient, method: str, networks: Any, named: str
) -> None:
    if method == "patch":
        opened(api, books, OFFICE)
    answer = ask(api, method, books, {"networks": networks})
    assert answer.status_code == 400
    assert named in answer.json()["message"]
    assert UnsignedAddress.objects.filter(networks=[f"{OFFICE}/32"]).exists() is (method == "patch")


def test_networks_change_and_the_address_stays(books: ElementInstance, api: APIClient) -> None:
    path = opened(api, books, OFFICE)
    answer = ask(api, "patch", books, {"networks": [f"{ELSEWHERE}/32", ELSEWHERE]})
    assert answer.json()["networks"] == [f"{ELSEWHERE}/32"]
    assert "url" not in answer.json()
    assert sent(path, client=OFFICE).status_code == 403
    assert sent(path, client=ELSEWHERE).status_code == 200


def test_networks_of_no_address_are_a_409(books: ElementInstance, api: APIClient) -> None:
    assert ask(api, "patch", books, {"networks": [ANY]}).status_code == 409
    assert not UnsignedAddress.objects.exists()


# --- The key -------------------------------------------------------------------------------------


def test_the_key_is_stored_as_a_digest_and_shown_once(
    books: ElementInstance, api: APIClient
) -> None:
    key = opened(api, books).rpartition("/")[2]
    assert UnsignedAddress.objects.get().key_digest == digest(key)
    assert key not in ask(api, "get", books).content.decode()
    assert key not in ask(api, "patch", books, {"networks": [OFFICE]}).content.decode()


def test_a_new_address_ends_the_former_one(books: ElementInstance, api: APIClient) -> None:
    former, present = opened(api, books), opened(api, books)
    assert sent(former).status_code == 404
    assert sent(present).status_code == 200


def test_an_address_that_was_closed_takes_nothing(books: ElementInstance, api: APIClient) -> None:
    path = opened(api, books)
    for _ in range(2):
        answer = ask(api, "delete", books)
        assert (answer.status_code, answer.content) == (200, b"")
    assert sent(path).status_code == 404
    assert ask(api, "get", books).json()["enabled"] is False


def test_a_key_opens_no_other_instance_and_no_other_element(
    organization: NewOrganization, books: ElementInstance, api: APIClient
) -> None:
    other = connect(organization, secret="")
    path = opened(api, books)
    assert sent(path.replace("/ledger/", "/gmail/")).status_code == 404
    assert sent(path, headers={"Element-Instances": str(other.pk)}).status_code == 200
    assert [one.instance_id for one in Event.objects.all()] == [books.pk]


def test_deleting_the_instance_ends_its_address(books: ElementInstance, api: APIClient) -> None:
    path = opened(api, books)
    assert api.delete(f"{API}/instances/{books.pk}").status_code == 200
    assert sent(path).status_code == 404
    assert not UnsignedAddress.objects.exists()


# --- Limits, and what is written down ------------------------------------------------------------


def test_an_address_takes_so_many_a_minute(
    books: ElementInstance, api: APIClient, settings: Settings, endless_minute: None
) -> None:
    path = opened(api, books)
    settings.THROTTLE_UNSIGNED_WEBHOOKS = 3
    answers = [sent(path, {**BODY, "n": n}) for n in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert Event.objects.count() == 3
    assert answers[-1]["Retry-After"] == "40"


@pytest.mark.parametrize("known", [True, False])
def test_who_is_refused_is_counted_by_address(
    books: ElementInstance,
    api: APIClient,
    settings: Settings,
    endless_minute: None,
    known: bool,
) -> None:
    path = opened(api, books, OFFICE)
    path = path if known else f"{path[:-3]}abc"
    settings.THROTTLE_REFUSALS = 3
    refused = [sent(path, client=ELSEWHERE).status_code for _ in range(5)]
    assert refused == [403 if known else 404] * 3 + [429] * 2


def test_what_people_change_is_written_down(books: ElementInstance, api: APIClient) -> None:
    opened(api, books, OFFICE)
    ask(api, "patch", books, {"networks": [ANY]})
    ask(api, "patch", books, {"networks": [ANY]})  # changes nothing
    opened(api, books)
    ask(api, "delete", books)
    entries = AuditEntry.objects.filter(action=Action.UNSIGNED_WEBHOOKS).order_by("pk")
    assert {entry.instance_id for entry in entries} == {books.pk}
    assert [entry.changes for entry in entries] == [
        {"address": None, "networks": ["", f"{OFFICE}/32"]},
        {"networks": [f"{OFFICE}/32", ANY]},
        {"address": None},
        {"networks": [ANY, ""]},
    ]


def test_few_webhooks_write_to_the_row(books: ElementInstance, api: APIClient) -> None:
    path = opened(api, books)
    sent(path)
    first = UnsignedAddress.objects.get().received_at
    sent(path, {**BODY, "n": 2})
    assert UnsignedAddress.objects.get().received_at == first
    assert first is not None
    assert first <= timezone.now()


# --- The definition ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["header", "prefix", "secretKey", "signed"])
def test_an_element_says_nothing_of_a_signature_that_is_not_there(
    api: APIClient, name: str
) -> None:
    webhook = {**WEBHOOK, "signature": {"proof": "none", name: "X-Signature"}}
    answer = api.post(f"{API}/elements", ledger(webhook=webhook), format="json")
    assert answer.status_code == 400
    assert f"webhook.signature.{name}" in answer.json()["message"]
    assert NOTHING_IS_SIGNED in answer.json()["message"]


def test_an_element_without_signatures_is_exported_as_it_is_read(
    books: ElementInstance, api: APIClient
) -> None:
    exported = api.get(f"{API}/elements/ledger/export").json()
    assert exported["webhook"]["signature"]["proof"] == "none"
    keys = {one["key"] for one in exported["configuration"]}
    assert "event.vendor.webhook.secret" not in keys
    assert "event.notification.instance.finder" in keys
    copy = api.post(f"{API}/elements", {**exported, "key": "copy"}, format="json")
    assert copy.status_code == 200
    assert api.get(f"{API}/elements/copy/export").json()["webhook"] == exported["webhook"]
