"""What belongs to one account is not there for the users of another one of the organization.

The endpoints are those of test_isolation.py, where one that is not listed fails a test.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Account
from accounts.provision import NewOrganization, create_organization, create_user
from accounts.roles import CATALOGUE
from events.models import Delivery, Event, Subscription
from events.payload import Notice
from events.record import record_notice
from instances.models import ElementInstance
from tests.api.conftest import API, Connected
from tests.api.test_isolation import (
    CASES,
    ask,
    client_of,
    connect,
    everything,
    private_element_of,
)

pytestmark = pytest.mark.django_db

# What a role does not reach of these is a 403.
PEOPLE = ("accounts/", "users/", "organizations/", "elements/{key_or_id}/accounts/")
TOPIC = "their.topic"


@pytest.fixture(autouse=True)
def _these_endpoints(settings: Settings) -> None:
    """The product's, in place of this folder's own."""
    settings.ROOT_URLCONF = "config.urls"


@pytest.fixture(scope="module")
def acme(rows_of_module: None) -> NewOrganization:
    return create_organization("Acme", "user@example.com")


def member(acme: NewOrganization, account: str, *roles: str) -> NewOrganization:
    """A user of an account, as `acme` has it for its first user."""
    made = create_user(
        Account.objects.get_or_create(
            organization=acme.organization, external_id=account, name=account
        )[0],
        f"{account}-{'-'.join(roles)}@example.com",
        roles=[CATALOGUE[key] for key in roles],
    )
    return replace(acme, user=made.user, user_secret=made.secret)


@pytest.fixture(scope="module")
def owner(acme: NewOrganization) -> NewOrganization:
    """Whose account "theirs" is."""
    return member(acme, "theirs")


@pytest.fixture(scope="module")
def theirs(owner: NewOrganization) -> Connected:
    return connect(owner, "their mailbox")


@pytest.fixture(scope="module")
def outsider(acme: NewOrganization) -> NewOrganization:
    return member(acme, "another")


@pytest.fixture(scope="module", params=["no role", "admin", "org"])
def anyone(request: pytest.FixtureRequest, acme: NewOrganization) -> NewOrganization:
    """A user of another account, with each role that reaches no further."""
    return member(acme, "another-too", *({request.param} - {"no role"}))


@pytest.mark.parametrize(("path", "method"), CASES)
@pytest.mark.parametrize("by_element", [False, True], ids=["organization", "element token"])
def test_another_accounts_is_not_there(
    path: str, method: str, by_element: bool, theirs: Connected, outsider: NewOrganization
) -> None:
    own = connect(outsider, "own mailbox")
    client = client_of(outsider, token=own.token if by_element else "", organization=not by_element)
    private_element_of(outsider.organization)
    before = everything(theirs)

    answer = ask(client, path, method, theirs)

    refused = (
        {404} | ({401} if by_element else set()) | ({403} if path.startswith(PEOPLE) else set())
    )
    assert answer.status_code in refused, answer.content
    assert "their mailbox" not in answer.content.decode()
    assert everything(theirs) == before


@pytest.mark.parametrize(("path", "method"), CASES)
def test_an_administrator_of_the_organization_finds_it(
    path: str, method: str, theirs: Connected, acme: NewOrganization
) -> None:
    assert ask(client_of(acme), path, method, theirs).status_code not in {401, 403, 404, 405}


@pytest.mark.parametrize(
    ("path", "method"), [case for case in CASES if not case[0].startswith(PEOPLE)]
)
def test_the_users_of_the_account_find_it(
    path: str, method: str, theirs: Connected, acme: NewOrganization
) -> None:
    """All of them: who connected it is not asked."""
    colleague = member(acme, "theirs", "org")
    assert ask(client_of(colleague), path, method, theirs).status_code not in {401, 403, 404, 405}


@pytest.mark.parametrize("organization", [False, True])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "instances"),
        ("get", "instances/configuration"),
        ("patch", "instances"),
        ("delete", "instances"),
        ("get", "objects"),
        ("get", "messages"),
        ("get", "hubs/general/messages"),
        ("post", "messages"),
        ("get", "bulk/jobs"),
        ("post", "bulk/query"),
        ("get", "instances/events"),
        ("get", "instances/events/analytics"),
        ("get", "elements"),
    ],
)
def test_an_element_token_of_another_account_opens_nothing(
    method: str, path: str, organization: bool, theirs: Connected, anyone: NewOrganization
) -> None:
    client = client_of(anyone, token=theirs.token, organization=organization)
    before = everything(theirs)

    answer = getattr(client, method)(f"{API}/{path}")

    assert answer.status_code == 401, answer.content
    assert "their mailbox" not in answer.content.decode()
    assert everything(theirs) == before


def test_an_element_token_opens_to_its_account_and_to_administrators(
    theirs: Connected, acme: NewOrganization
) -> None:
    for caller in (member(acme, "theirs", "org"), acme):
        client = client_of(caller, token=theirs.token, organization=False)
        assert client.get(f"{API}/objects").status_code == 200
        assert [one["id"] for one in client.get(f"{API}/instances").json()] == [theirs.instance.pk]


@pytest.mark.parametrize(
    "path",
    [
        "instances",
        "elements/gmail/instances",
        "instances?searchText=their",
        "instances?tags[]=their mailbox",
    ],
)
def test_lists_of_instances_hold_the_own_accounts_only(
    path: str, theirs: Connected, anyone: NewOrganization, acme: NewOrganization
) -> None:
    assert client_of(anyone).get(f"{API}/{path}").json()["message"] == "No instances found"
    own = connect(anyone, "own mailbox")

    answer = client_of(anyone).get(f"{API}/{path.partition('?')[0]}")

    assert [row["id"] for row in answer.json()] == [own.instance.pk]
    assert answer["Elements-Total-Count"] == "1"
    assert client_of(acme).get(f"{API}/instances")["Elements-Total-Count"] == "2"


def test_lists_of_events_hold_the_own_accounts_only(
    theirs: Connected, anyone: NewOrganization, acme: NewOrganization
) -> None:
    own = connect(anyone, "own mailbox")

    for path in ("instances/events", "instances/events/analytics/instances"):
        answer = client_of(anyone).get(f"{API}/{path}")
        assert answer.status_code == 200
        assert f'"instanceId":{own.instance.pk}' in answer.content.decode()
        assert f'"instanceId":{theirs.instance.pk}' not in answer.content.decode()
        everywhere = client_of(acme).get(f"{API}/{path}").content.decode()
        assert f'"instanceId":{theirs.instance.pk}' in everywhere
    dispositions = client_of(anyone).get(f"{API}/instances/events/dispositions").json()
    assert {one["elementInstanceId"] for one in dispositions} == {own.instance.pk}


def count_of(answer: Any) -> int:
    return sum(one["count"] for one in answer.json())


def test_counts_are_of_the_own_account(
    theirs: Connected, owner: NewOrganization, outsider: NewOrganization, acme: NewOrganization
) -> None:
    path = f"{API}/instances/events/analytics"
    named = f"accountIds[]={owner.user.account_id}"

    assert count_of(client_of(outsider).get(path)) == 0
    assert client_of(outsider).get(f"{path}?{named}").status_code == 403
    assert count_of(client_of(owner).get(path)) == 1
    assert count_of(client_of(owner).get(f"{path}?{named}")) == 1
    assert count_of(client_of(acme).get(path)) == 1
    assert count_of(client_of(acme).get(f"{path}?{named}")) == 1


@pytest.fixture
def posted(owner: NewOrganization, theirs: Connected) -> Event:
    """A notification of their topic, with its delivery to their subscription."""
    wanted = {
        "channel": "webhook",
        "topics": [TOPIC],
        "config": {"url": "https://theirs.example/hook"},
    }
    made = client_of(owner).post(f"{API}/notifications/subscriptions", wanted, format="json")
    assert made.status_code == 200, made.content
    body = {"topic": TOPIC, "message": "said by their mailbox"}
    answer = client_of(owner).post(f"{API}/notifications", body, format="json")
    return Event.objects.get(pk=answer.json()["id"])


@pytest.mark.parametrize(
    "path",
    [
        f"notifications?topics[]={TOPIC}",
        "notifications/subscriptions",
        "notifications/subscriptions/deliveries",
        "notifications/subscriptions/deliveries?hydrate=true",
        f"notifications/subscriptions/deliveries?where=topic='{TOPIC}'",
        "notifications/subscriptions/deliveries?where=config.url='https://theirs.example/hook'",
        "notifications/subscriptions/deliveries?where=config.url like '%25'",
    ],
)
def test_lists_of_notifications_hold_the_own_accounts_only(
    path: str,
    posted: Event,
    owner: NewOrganization,
    anyone: NewOrganization,
    acme: NewOrganization,
) -> None:
    answer = client_of(anyone).get(f"{API}/{path}")
    assert (answer.status_code, answer.json()) == (200, [])
    assert answer["Elements-Total-Count"] == "0"
    for seeing in (owner, acme):
        assert client_of(seeing).get(f"{API}/{path}").json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "notifications/{event}"),
        ("delete", "notifications/{event}"),
        ("put", "notifications/{event}/acknowledge"),
        ("get", "notifications/{event}/subscriptions/deliveries"),
        ("get", "notifications/{event}/subscriptions/{subscription}/deliveries"),
        ("get", "notifications/subscriptions/{subscription}"),
        ("delete", "notifications/subscriptions/{subscription}"),
        ("post", "notifications/subscriptions/{subscription}/signature-key"),
        ("delete", "notifications/subscriptions/{subscription}/signature-key"),
        ("post", "notifications/subscriptions/{subscription}/test"),
        ("put", "notifications/subscriptions/{subscription}/active"),
        ("delete", "notifications/subscriptions/{subscription}/active"),
        ("get", "notifications/subscriptions/{subscription}/queue"),
    ],
)
def test_notifications_and_subscriptions_of_another_account_are_not_there(
    method: str, path: str, posted: Event, anyone: NewOrganization
) -> None:
    subscription = Subscription.objects.get(topics=[TOPIC])
    before = list(Subscription.objects.values()), list(Delivery.objects.values())
    filled = path.format(event=posted.pk, subscription=subscription.pk)

    answer = getattr(client_of(anyone), method)(f"{API}/{filled}")

    assert answer.status_code == 404, answer.content
    assert (list(Subscription.objects.values()), list(Delivery.objects.values())) == before
    assert Event.objects.filter(pk=posted.pk, acknowledged=False).exists()


def test_deliveries_of_another_account_are_not_sent_again(
    posted: Event, anyone: NewOrganization
) -> None:
    Delivery.objects.update(status="queued")
    where = "status in ('queued', 'delivered')"
    answer = client_of(anyone).put(f"{API}/notifications/subscriptions/deliveries?where={where}")
    assert (answer.status_code, answer["Elements-Total-Count"]) == (200, "0")
    assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}


def test_failed_deliveries_of_another_account_are_neither_counted_nor_sent_again(
    posted: Event, owner: NewOrganization, anyone: NewOrganization, acme: NewOrganization
) -> None:
    Delivery.objects.filter(event=posted).update(status="failed")
    path = f"{API}/notifications/subscriptions/deliveries/failed?from=2020-01-01"

    assert client_of(anyone).get(path).json()["events"] == 0
    assert client_of(anyone).put(path).json()["sentAgain"] == 0
    assert Delivery.objects.get(event=posted).status == "failed"
    assert [client_of(one).get(path).json()["events"] for one in (owner, acme)] == [1, 1]
    assert client_of(owner).put(path).json()["sentAgain"] == 1


def receivers_of(event: Event) -> set[str]:
    return set(event.deliveries.values_list("subscription__url", flat=True))


def test_a_topic_goes_to_the_subscriptions_of_its_account_and_of_administrators(
    acme: NewOrganization, owner: NewOrganization, outsider: NewOrganization
) -> None:
    for caller, name in ((acme, "all"), (owner, "theirs"), (outsider, "another")):
        wanted = {
            "channel": "webhook",
            "topics": ["disk.full"],
            "config": {"url": f"https://{name}.example/"},
        }
        client_of(caller).post(f"{API}/notifications/subscriptions", wanted, format="json")
    body = {"topic": "disk.full", "message": "It is full."}

    answer = client_of(owner).post(f"{API}/notifications", body, format="json").json()
    event = Event.objects.get(pk=answer["id"])
    assert receivers_of(event) == {"https://theirs.example/", "https://all.example/"}

    # What goes to administrators is nothing that the account sees.
    path = f"{API}/notifications/{event.pk}/subscriptions/deliveries?hydrate=true"
    assert "all.example" not in client_of(owner).get(path).content.decode()
    assert "all.example" in client_of(acme).get(path).content.decode()

    with transaction.atomic():
        own = record_notice(
            acme.organization.pk, None, Notice("disk.full", "", "low", ""), timezone.now()
        )
    assert receivers_of(own) == {"https://all.example/"}
    assert client_of(owner).get(f"{API}/notifications/{own.pk}").status_code == 404


def test_an_idempotency_key_is_an_accounts_own(
    owner: NewOrganization, outsider: NewOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instances.provision._obtain", lambda *_: None)
    body = {
        "name": "Books",
        "element": {"key": "gmail"},
        "providerData": {"code": "one-code"},
        "configuration": {
            "oauth.api.key": "id",
            "oauth.api.secret": "secret",
            "oauth.callback.url": "https://app.example/",
        },
    }

    def connected(caller: NewOrganization) -> Any:
        headers = {"Idempotency-Key": "the-same"}
        path = f"{API}/instances"
        return client_of(caller).post(path, body, format="json", headers=headers).json()

    first = connected(owner)
    assert connected(owner)["token"] == first["token"]
    assert connected(outsider)["token"] != first["token"]


@pytest.mark.parametrize("of", ["webhookId", "eventId", "objectId"])
def test_nothing_is_explained_of_another_account(
    of: str, theirs: Connected, owner: NewOrganization, anyone: NewOrganization
) -> None:
    event = Event.objects.get(instance=theirs.instance)
    asked = {
        "webhookId": event.deliveries.get().webhook_id,
        "eventId": str(event.pk),
        "objectId": "m1",
    }[of]
    path = f"{API}/instances/events/explanation?{of}={asked}"
    assert "of their mailbox" in client_of(owner).get(path).content.decode()

    answer = client_of(anyone).get(path)

    assert "their mailbox" not in answer.content.decode()
    if of == "objectId":
        assert (answer.json()["events"], answer.json()["instances"]) == ([], [])
    else:
        assert answer.status_code == 404


def test_whoever_is_moved_takes_everything_along(
    theirs: Connected, owner: NewOrganization, outsider: NewOrganization
) -> None:
    path = f"{API}/instances/{theirs.instance.pk}"
    assert client_of(outsider).get(path).status_code == 404
    owner.user.account = outsider.user.account
    owner.user.save()
    try:
        assert client_of(outsider).get(path).status_code == 200
        [event] = client_of(outsider).get(f"{API}/instances/events").json()
        assert event["instanceId"] == theirs.instance.pk
    finally:
        owner.user.account = Account.objects.get(external_id="theirs")


def test_a_users_own_account_may_be_the_default_one(
    acme: NewOrganization, theirs: Connected
) -> None:
    """Being of the default account opens no other."""
    made = create_user(acme.organization.default_account, "clerk@example.com")
    clerk = replace(acme, user=made.user, user_secret=made.secret)
    path = f"{API}/instances/{theirs.instance.pk}"
    assert client_of(clerk).get(path).status_code == 404
    mine = connect(acme, "of the default account")
    assert client_of(clerk).get(f"{API}/instances/{mine.instance.pk}").status_code == 200


def test_nobody_without_secrets_learns_whose_a_token_is(theirs: Connected) -> None:
    alone = APIClient(headers={"Authorization": f"Element {theirs.token}"})
    assert alone.get(f"{API}/instances").status_code == 401
    assert ElementInstance.objects.filter(pk=theirs.instance.pk).exists()
