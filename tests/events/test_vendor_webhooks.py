"""What a provider sends by itself becomes an event of the instance, once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from api.errors import BadRequest
from events import receiver_instances, tasks
from events.models import Event, ReceivedWebhook, VendorSubscription
from events.receiver_instances import MOST_INSTANCES, follow_configuration
from instances import provision
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.events import vendor
from tests.events.receiver import Receiver
from tests.events.vendor import API, BODY, HEADER, connect, element, ref, send, signature

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(organization: NewOrganization) -> ElementInstance:
    element(organization)
    return connect(organization)


def messages() -> list[dict[str, Any]]:
    bodies = Event.objects.order_by("pk").values_list("body", flat=True)
    return [json.loads(body)["message"] for body in bodies]


def test_a_signed_webhook_is_an_event(books: ElementInstance) -> None:
    answer = send(f"ledger/{ref(books)}")

    assert (answer.status_code, answer.content) == (200, b"")
    (message,) = messages()
    assert message["raw"] == BODY
    assert message["events"] == [
        {
            "date": "2026-01-31T11:00:00Z",
            "elementKey": "ledger",
            "hubKey": "finance",
            "eventType": "CREATED",
            "objectId": "e1",
            "objectType": "entries",
        }
    ]
    event = Event.objects.get()
    assert (event.instance_id, event.object_type) == (books.pk, "entries")
    assert event.objects_found == [{"objectId": "e1", "eventType": "CREATED"}]


def test_it_is_called_back_as_what_polls_find(
    organization: NewOrganization, receiver: Receiver
) -> None:
    element(organization)
    books = connect(organization, url=receiver.url)

    send(f"ledger/{ref(books)}")
    deliver_all_due(attempt_within=2.0)

    (notification,) = receiver.received
    assert json.loads(notification.body)["message"] == messages()[0]
    assert notification.headers["elements-webhook-signature"].startswith("sha256=")


@pytest.mark.parametrize("form", [ref, lambda one: ref(one).rstrip("="), lambda one: str(one.pk)])
def test_the_address_names_the_instance(books: ElementInstance, form: Any) -> None:
    assert send(f"ledger/{form(books)}").status_code == 200
    assert send(f"ledger/{form(books)}/").status_code == 200
    assert Event.objects.filter(instance=books).count() == 1


def test_a_header_names_several_instances(
    organization: NewOrganization, books: ElementInstance
) -> None:
    other, third = connect(organization), connect(organization, secret="another")
    ids = f"{books.pk}, {other.pk},{third.pk},999999"

    assert send("ledger", headers={"Element-Instances": ids}).status_code == 200

    # The third's secret is another: nothing is proven to it.
    assert {*Event.objects.values_list("instance", flat=True)} == {books.pk, other.pk}


def test_the_body_names_the_instance(organization: NewOrganization) -> None:
    element(organization)
    named = {
        "event.notification.instance.finder": "account|data.owner.id",
        "event.notification.subscription.id": "77",
    }
    books = connect(organization, configuration=named)
    connect(organization, configuration={**named, "event.notification.subscription.id": "78"})
    connect(organization, configuration={**named, "event.notification.instance.finder": "other"})
    connect(organization)

    deeper = {"data": {**BODY["data"], "owner": {"id": 77}}}
    for owner in ({"account": "77"}, deeper):
        assert send("ledger", {**BODY, **owner}).status_code == 200

    assert Event.objects.count() == 2
    assert {*Event.objects.values_list("instance", flat=True)} == {books.pk}
    assert send("ledger", {**BODY, "account": "79"}).status_code == 404
    assert send("ledger", {**BODY, "elsewhere": "77"}).status_code == 404


@pytest.mark.parametrize(
    ("finder", "body"),
    [
        ("userId", {"userId": '["77"]'}),
        ("userId", {"userId": "[77]"}),
        ("userId", {"userId": '"77"'}),
        ("userId", {"userId": "77"}),
        ("userId", {"userId": ["76", "77"]}),  # the field twice
        ("userId.1", {"userId": '["76", "77"]'}),
        ("user.id", {"user.id": "77"}),
        ("users.0.id", {"users": '[{"id": 77}]'}),
        ("payload.team.id", {"payload": '{"team": {"id": "77"}}'}),
    ],
)
def test_a_form_names_the_instance(
    organization: NewOrganization, finder: str, body: dict[str, Any]
) -> None:
    element(organization, records="", objectType="value:contacts", eventType="")
    named = {
        "event.notification.instance.finder": f"other|{finder}",
        "event.notification.subscription.id": "77",
    }
    connect(organization, configuration={**named, "event.notification.subscription.id": "7"})
    books = connect(organization, configuration=named)
    form = "application/x-www-form-urlencoded"

    for wrong in ({"userId": '["777"]'}, {"userId": "[77"}, {"elsewhere": "77"}):
        answer = send("ledger", urlencode(wrong).encode(), content_type=form)
        assert answer.status_code == 404
    sent = urlencode(body, doseq=True).encode()
    assert send("ledger", sent, content_type=form).status_code == 200
    assert [one.instance_id for one in Event.objects.all()] == [books.pk]


@pytest.mark.parametrize("account", [["76", 77], ["77"], 77])
def test_a_list_in_the_body_names_each_instance(
    organization: NewOrganization, account: Any
) -> None:
    element(organization)
    named = {
        "event.notification.instance.finder": "account",
        "event.notification.subscription.id": "77",
    }
    connect(organization, configuration=named)
    assert send("ledger", {**BODY, "account": account}).status_code == 200
    assert Event.objects.count() == 1


def test_others_who_are_called_alike_keep_no_webhook_from_whose_it_is(
    organization: NewOrganization,
) -> None:
    """They were there before, and as many as one organization may have."""
    named = {
        "event.notification.instance.finder": "account",
        "event.notification.subscription.id": "77",
    }
    other = create_organization("Another", "other@example.com")
    for owner in (other, organization):
        element(owner)
    for _ in range(MOST_INSTANCES):
        connect(other, configuration=named, secret="another")
    for value in ("added", "entry"):  # are in the body, too
        alike = {**named, "event.notification.subscription.id": value}
        connect(organization, configuration=alike, secret="a third")
    books = connect(organization, configuration=named)

    assert send("ledger", {**BODY, "account": "77"}).status_code == 200
    assert {*Event.objects.values_list("instance", flat=True)} == {books.pk}


def test_more_instances_than_a_webhook_goes_to_cannot_be_called_alike(
    organization: NewOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_instances, "MOST_INSTANCES", 2)
    element(organization)
    named = {"event.notification.subscription.id": "77"}
    first, _ = (
        connect(organization, configuration=named),
        connect(organization, configuration=named),
    )

    follow_configuration(first)  # goes on being called so
    with pytest.raises(BadRequest, match=r"configuration\.event\.notification\.subscription\.id"):
        connect(organization, configuration=named)
    assert VendorSubscription.objects.count() == 2


def test_looking_among_many_instances_costs_the_same(organization: NewOrganization) -> None:
    element(organization)
    named = {"event.notification.instance.finder": "account"}

    def queries(number: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = send("ledger", {**BODY, "account": f"a{number}", "n": number})
        assert answer.status_code == 200
        return len(asked)

    connect(organization, configuration={**named, "event.notification.subscription.id": "a0"})
    one = queries(0)
    for number in range(1, 30):
        more = {**named, "event.notification.subscription.id": f"a{number}"}
        connect(organization, configuration=more)
    assert queries(7) == one


@pytest.mark.parametrize(
    "given",
    [
        {},
        {HEADER: ""},
        {HEADER: "sha256="},
        {HEADER: signature(b"another body")},
        {HEADER: signature(json.dumps(BODY).encode(), "another secret")},
        {HEADER: signature(json.dumps(BODY).encode(), "")},
        {HEADER: signature(json.dumps(BODY).encode()).removeprefix("sha256=")},
        {HEADER: "sha256=\xe9"},
        {HEADER: vendor.SECRET},
    ],
)
def test_without_the_right_signature_nothing_is_believed(
    books: ElementInstance, given: dict[str, str]
) -> None:
    answer = APIClient().post(f"{API}/events/ledger/{books.pk}", BODY, "json", headers=given)

    assert answer.status_code == 401, answer.content
    assert not Event.objects.exists()
    assert not ReceivedWebhook.objects.exists()


def test_an_instance_without_a_secret_believes_nothing(organization: NewOrganization) -> None:
    element(organization)
    books = connect(organization, secret="")
    assert send(f"ledger/{books.pk}", secret="").status_code == 401


def test_one_of_several_signatures_is_enough(books: ElementInstance) -> None:
    body = json.dumps(BODY).encode()
    both = f"{signature(body, 'the next secret')}, {signature(body)}"
    assert send(f"ledger/{books.pk}", headers={HEADER: both}).status_code == 200
    assert Event.objects.count() == 1


@pytest.mark.parametrize("way", ["hmac-sha1", "base64", "token"])
def test_other_ways_to_prove_it(organization: NewOrganization, way: str) -> None:
    body = json.dumps(BODY).encode()
    declared, right = {
        "hmac-sha1": (
            {"header": "X-Sign", "proof": "hmac-sha1"},
            hmac.new(vendor.SECRET.encode(), body, hashlib.sha1).hexdigest().upper(),
        ),
        "base64": (
            {"header": "X-Sign", "encoding": "base64"},
            base64.b64encode(
                hmac.new(vendor.SECRET.encode(), body, hashlib.sha256).digest()
            ).decode(),
        ),
        "token": (
            {"header": "X-Sign", "proof": "token", "prefix": "Bearer"},
            f"Bearer {vendor.SECRET}",
        ),
    }[way]
    element(organization, signature=declared)
    books = connect(organization)

    for wrong in (right[:-3], right[1:], ""):
        assert send(f"ledger/{books.pk}", headers={"X-Sign": wrong}).status_code == 401
    assert send(f"ledger/{books.pk}", headers={"X-Sign": right}).status_code == 200
    assert Event.objects.count() == 1


def test_more_than_the_body_may_be_signed(organization: NewOrganization) -> None:
    declared = {"header": "X-Sign", "signed": "v0:{header:X-Time}:{body}.{header:X-Id}!"}
    element(organization, signature=declared)
    books = connect(organization)
    body = json.dumps(BODY).encode()
    right = signature(b"v0:17:" + body + b".d1!").removeprefix("sha256=")
    headers = {"X-Sign": right, "X-Time": "17", "X-Id": "d1"}

    for wrong in ({"X-Time": "18"}, {"X-Id": ""}, {"X-Sign": signature(body)[7:]}):
        assert send(f"ledger/{books.pk}", headers={**headers, **wrong}).status_code == 401
    assert send(f"ledger/{books.pk}", {**BODY, "n": 1}, headers=headers).status_code == 401
    assert send(f"ledger/{books.pk}", headers=headers).status_code == 200
    assert Event.objects.count() == 1


# --- Received twice: test_vendor_webhook_repetitions.py ----------------------------------------


def test_a_delivery_is_one_event_for_each_instance(
    organization: NewOrganization, books: ElementInstance
) -> None:
    other = connect(organization)
    for one in (books, other, books, other):
        send(f"ledger/{one.pk}", headers={"X-Ledger-Delivery": "d1"})
    assert Event.objects.count() == 2


def test_a_delivery_is_remembered_for_thirty_days_and_more(
    books: ElementInstance, settings: Any
) -> None:
    send(f"ledger/{books.pk}")
    for days, kept_days, left in ((29, 7, 1), (31, 60, 1), (31, 0, 0)):
        settings.EVENTS_KEPT_DAYS = kept_days
        ReceivedWebhook.objects.update(received_at=timezone.now() - timedelta(days=days))
        tasks.remove_old_events()
        assert ReceivedWebhook.objects.count() == left


# --- What is not wanted --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "off", [{"enabled": False}, {"events_enabled": False}, {"vendor_type": "polling"}]
)
def test_what_is_off_is_told_nothing_and_the_provider_is_content(
    books: ElementInstance, off: dict[str, Any]
) -> None:
    ElementInstance.objects.update(**off)
    assert send(f"ledger/{books.pk}").status_code == 200
    assert send(f"ledger/{books.pk}", secret="wrong").status_code == 401
    assert not Event.objects.exists()

    ElementInstance.objects.update(enabled=True, events_enabled=True, vendor_type="webhook")
    send(f"ledger/{books.pk}")
    assert Event.objects.count() == 1  # it was not noted as received


def test_a_user_who_is_off_is_told_nothing(books: ElementInstance) -> None:
    books.user.is_active = False
    books.user.save()
    assert send(f"ledger/{books.pk}").status_code == 200
    assert not Event.objects.exists()


def test_gmail_is_polled(organization: NewOrganization) -> None:
    books = connect_gmail(organization)
    for path in (f"gmail/{books.pk}", "gmail/MjA5MzE="):
        for method in ("get", "post"):
            answer = getattr(APIClient(), method)(f"{API}/events/{path}")
            assert answer.status_code == 404
            assert answer.json()["message"] == "gmail receives no webhooks: it is polled"


def connect_gmail(organization: NewOrganization) -> ElementInstance:
    return connect(organization, element_key="gmail", vendor_type="polling")


@pytest.mark.parametrize("path", ["ledger/REF", "ledger/bm8=", "ledger/1/2", "ledger/x", "ledger"])
def test_unknown_instances_are_not_there(books: ElementInstance, path: str) -> None:
    unknown = path.replace("REF", str(books.pk + 1))
    assert send(unknown).status_code == 404
    assert not Event.objects.exists()


def test_an_instance_of_another_element_is_not_there(
    organization: NewOrganization, books: ElementInstance
) -> None:
    mailbox = connect_gmail(organization)
    assert send(f"ledger/{mailbox.pk}").status_code == 404
    assert send(f"elsewhere/{books.pk}").status_code == 404


def test_wrong_secrets_and_an_accept_header_do_not_matter(books: ElementInstance) -> None:
    headers = {"Authorization": "User wrong, Element wrong", "Accept": "text/html"}
    assert send(f"ledger/{books.pk}", headers=headers).status_code == 200
    assert Event.objects.count() == 1


def test_what_is_not_proven_is_counted_by_address(
    books: ElementInstance, settings: Any, endless_minute: None
) -> None:
    settings.THROTTLE_ADDRESS, settings.THROTTLE_REFUSALS = 1, 3
    assert send(f"ledger/{books.pk}", secret="wrong").status_code == 401
    assert send("ledger/987654321").status_code == 404
    refused = [send(f"ledger/{books.pk}", secret="wrong") for _ in range(3)]
    assert [answer.status_code for answer in refused] == [401, 429, 429]

    proven = [send(f"ledger/{books.pk}", {**BODY, "n": n}).status_code for n in range(5)]
    assert proven == [200] * 5
    assert Event.objects.count() == 5


def test_deleting_the_instance_leaves_nothing_behind(
    organization: NewOrganization, books: ElementInstance
) -> None:
    books.configuration["event.notification.subscription.id"] = "77"
    books.save()
    send(f"ledger/{books.pk}")
    provision.delete(organization.organization, books.pk)
    assert not Event.objects.exists()
    assert not ReceivedWebhook.objects.exists()
    assert not VendorSubscription.objects.exists()
    assert send(f"ledger/{books.pk}").status_code == 404
