"""What belongs to one organization or account is on no page of another: neither shown, changed nor
hinted at.

Every address with an id in it is listed here; one that is not listed fails the last test.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from accounts.models import Account, User
from accounts.provision import NewOrganization, create_organization, create_user
from bulk.models import BulkJob
from console import urls
from elements import register
from events.models import Delivery
from inbox.addresses import inbox_of
from inbox.keep import Arrived, keep
from instances.models import ElementInstance
from tests.events.found import changes, new_instance, record

pytestmark = pytest.mark.django_db

MARK = "of somebody else"  # in all that they have
ELEMENT = {
    "name": f"Element {MARK}",
    "authentication": {"type": "apiKey"},
    "configuration": [{"key": "base.url", "defaultValue": "https://api.example.com"}],
    "resources": [{"method": "GET", "path": "/hubs/general/entries", "vendorPath": "/entries"}],
}

# The name of each address with an id: the method that it answers, and whose id it is.
WITH_AN_ID = {
    "instance": ("get", "instance"),
    "instance-now": ("get", "instance"),
    "history": ("get", "instance"),
    "charts": ("get", "instance"),
    "reconnect-link": ("post", "instance"),
    "switch-events": ("post", "instance"),
    "enable": ("post", "instance"),
    "poll": ("post", "instance"),
    "reveal": ("post", "instance"),
    "switch-sending": ("post", "instance"),
    "resend-of-instance": ("get", "instance"),
    "edit": ("get", "instance"),
    "signature-key": ("post", "instance"),
    "end-old-keys": ("post", "instance"),
    "unsigned-webhooks": ("post", "instance"),
    "end-unsigned-webhooks": ("post", "instance"),
    "delete": ("get", "instance"),
    "cancel-bulk-job": ("post", "bulk job"),
    "bulk-records": ("get", "bulk job"),
    "event": ("get", "event"),
    "event-body": ("get", "event"),
    "replay": ("post", "delivery"),
    "inbox-delivery": ("get", "inbox delivery"),
    "left-out": ("get", "instance"),
    "authenticate": ("get", "element"),
    "test-callback": ("post", "element"),
    "try-with-the-sandbox": ("post", "element"),
    "change-in-the-sandbox": ("post", "instance"),
}
FORMS = ("edit", "delete", "resend-of-instance")  # answer a POST, too
ARGUMENTS = {"kind": "csv"}  # beside the id
# What is in these addresses proves itself; it belongs to nobody who is signed in.
WITH_A_SECRET = {"reconnect", "verify-address", "new-password"}
# Where nothing can be got, or getting it ends the session.
NO_PAGE = {"sign-out", "oauth-callback"}

PATTERNS = [one for one in urls.urlpatterns if isinstance(one, URLPattern)]


@dataclass(frozen=True)
class Theirs:
    """What another organization has; `ids` by the words of WITH_AN_ID."""

    user: User
    instance: ElementInstance
    ids: dict[str, int | str]

    def path(self, name: str, whose: str) -> str:
        [pattern] = [one for one in PATTERNS if one.name == name]
        [argument, *others] = pattern.pattern.regex.groupindex
        named = {other: ARGUMENTS[other] for other in others}
        return reverse(f"console:{name}", kwargs={argument: self.ids[whose], **named})


@pytest.fixture(params=["organization", "account"])
def their_user(request: pytest.FixtureRequest, organization: NewOrganization) -> User:
    """Of another organization than the reader's, or of another account of the same."""
    if request.param == "organization":
        return create_organization(f"Organization {MARK}", "other@example.com").user
    return user_of(organization, "theirs")


@pytest.fixture
def member(their_user: User, organization: NewOrganization) -> User:
    """The reader: someone who sees all of an organization, or one account of the same as theirs."""
    if their_user.organization != organization.organization:
        return organization.user
    return user_of(organization, "own")


def user_of(organization: NewOrganization, account: str) -> User:
    made, _ = Account.objects.get_or_create(
        organization=organization.organization, external_id=account, name=account
    )
    return create_user(made, f"user-of-{account}@example.com").user


@pytest.fixture
def theirs(their_user: User) -> Theirs:
    organization = their_user.organization
    assert organization is not None
    assert their_user.account is not None
    instance = new_instance(organization, url="https://receiver.example/")
    instance.user = their_user
    instance.name = f"Mailbox {MARK}"
    instance.problem = f"Problem {MARK}"
    instance.save()
    [event_id] = record(instance, changes(1, subject=f"Mail {MARK}"))
    arrived = keep(
        inbox_of(their_user.account), Arrived(timezone.now(), [["X", MARK]], MARK.encode(), [])
    )
    assert arrived is not None
    return Theirs(
        their_user,
        instance,
        {
            "instance": instance.pk,
            "event": event_id,
            "delivery": Delivery.objects.get(event=event_id).pk,
            "bulk job": ended_job(instance).pk,
            "inbox delivery": arrived.pk,
            "element": register.create(
                organization.pk, ELEMENT, account_id=their_user.account_id
            ).key,
        },
    )


def ended_job(instance: ElementInstance) -> BulkJob:
    now = timezone.now()
    return BulkJob.objects.create(
        organization=instance.organization,
        instance=instance,
        resource="messages",
        query=MARK,
        status="COMPLETED",
        columns=[f"column {MARK}"],
        next_run_at=now,
        created_at=now,
        finished_at=now,
    )


@pytest.mark.parametrize(
    ("name", "method"),
    [*((name, how) for name, (how, _) in WITH_AN_ID.items()), *((name, "post") for name in FORMS)],
)
def test_an_id_of_another_organization_is_not_there(
    reader: Client, theirs: Theirs, name: str, method: str
) -> None:
    path = theirs.path(name, WITH_AN_ID[name][1])
    before = ElementInstance.objects.values().get(pk=theirs.instance.pk)

    for headers in ({}, {"HX-Request": "true"}):
        answer = getattr(reader, method)(path, headers=headers)
        assert answer.status_code == 404
        assert MARK not in answer.content.decode()
    assert ElementInstance.objects.values().get(pk=theirs.instance.pk) == before


@pytest.mark.parametrize("name", [name for name, (how, _) in WITH_AN_ID.items() if how == "get"])
def test_whoever_it_belongs_to_sees_it(client: Client, theirs: Theirs, name: str) -> None:
    client.force_login(theirs.user)
    answer = client.get(theirs.path(name, WITH_AN_ID[name][1]))
    assert answer.status_code == 200
    assert MARK in answer.getvalue().decode()


@pytest.mark.parametrize(
    "name",
    [
        str(one.name)
        for one in PATTERNS
        if not one.pattern.regex.groupindex and one.name not in NO_PAGE
    ],
)
def test_pages_of_many_things_show_nothing_of_others(
    reader: Client, theirs: Theirs, name: str
) -> None:
    answer = reader.get(reverse(f"console:{name}"), follow=True)
    assert answer.status_code in {200, 204, 405}
    assert MARK not in answer.content.decode()


def test_every_address_with_an_id_is_listed_here() -> None:
    named = {str(one.name) for one in PATTERNS if one.pattern.regex.groupindex}
    assert named == set(WITH_AN_ID) | WITH_A_SECRET
