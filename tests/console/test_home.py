"""The first page says what needs somebody now, counts the last day, and lists the latest events."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, User
from accounts.provision import NewOrganization, create_user
from console import home
from events.models import Delivery, Event, Subscription
from instances.models import ElementInstance
from polling.models import PollingResource
from tests.events.found import changes, new_instance, record

pytestmark = pytest.mark.django_db


def made(member: User, name: str, **columns: Any) -> ElementInstance:
    assert member.organization is not None
    instance = new_instance(member.organization, url="https://receiver.example/")
    ElementInstance.objects.filter(pk=instance.pk).update(name=name, **columns)
    PollingResource.objects.create(
        organization=member.organization,
        instance=instance,
        name="changed-messages",
        interval=60,
        next_poll_at=timezone.now() + timedelta(days=1),
    )
    return instance


def page(reader: Client) -> str:
    answer = reader.get("/")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def needs(reader: Client) -> dict[str, tuple[int, list[str]]]:
    """How many instances need somebody, and which are named, by their state."""
    return {
        need.status.value: (need.total, [one.name for one in need.instances])
        for need in reader.get("/").context["needs"]
    }


def figures(reader: Client) -> dict[str, int]:
    return {name: count for name, count, _ in reader.get("/").context["figures"]}


def test_without_an_instance_it_begins_with_the_catalogue(reader: Client) -> None:
    assert reader.get("/")["Location"] == "/catalogue"


def test_where_all_is_well_it_says_so(reader: Client, member: User) -> None:
    made(member, "fine")
    assert "Nothing needs you now" in page(reader)
    assert "No events yet." in page(reader)


def test_each_thing_that_needs_somebody_is_named(reader: Client, member: User) -> None:
    made(member, "fine")
    made(member, "lost", valid=False)
    off, failing, late = (made(member, name) for name in ("off", "failing", "late"))
    Subscription.objects.filter(instance=off).update(active=False)
    Subscription.objects.filter(instance=failing).update(failing_since=timezone.now())
    resources = PollingResource.objects.filter(instance=late)
    resources.update(next_poll_at=timezone.now() - timedelta(days=1))
    assert needs(reader) == {
        "needs-reconnection": (1, ["lost"]),
        "delivery-off": (1, ["off"]),
        "overdue": (1, ["late"]),
        "delivery-failing": (1, ["failing"]),
    }
    assert "Connect the account again" in page(reader)


def test_many_are_counted_and_a_few_named(
    reader: Client, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        made(member, f"lost {number}", valid=False)
    assert needs(reader)["needs-reconnection"] == (5, ["lost 4", "lost 3", "lost 2"])
    assert '<a href="/instances?state=needs-reconnection">all 5</a>' in page(reader)
    monkeypatch.setattr(home, "MOST_COUNTED", 4)
    assert '<a href="/instances?state=needs-reconnection">more than 4</a>' in page(reader)


def test_the_last_day_is_counted(reader: Client, member: User) -> None:
    instance = made(member, "fine")
    for status in ("delivered", "retry", "failed", "queued", "failed"):
        [event] = record(instance)
        Delivery.objects.filter(event=event).update(status=status)
    long_ago = timezone.now() - timedelta(days=2)
    Event.objects.filter(pk=event).update(created_at=long_ago)
    Delivery.objects.filter(event=event).update(created_at=long_ago)
    assert figures(reader) == {"Events": 4, "Retrying": 1, "Failed or held back": 2}


def test_the_latest_events_say_what_they_are_about(reader: Client, member: User) -> None:
    headers = [{"name": "Subject", "value": "Order 10482"}]
    record(made(member, "fine"), changes(1, payload={"headers": headers}))
    assert '<bdi class="event-title">Order 10482</bdi>' in page(reader)
    assert "on its way" in page(reader)


def test_of_another_account_nothing_is_shown_or_counted(
    client: Client, member: User, organization: NewOrganization
) -> None:
    record(made(member, "their mailbox", valid=False))
    account = Account.objects.create(
        organization=organization.organization, external_id="other", name="Other"
    )
    user = create_user(account, "other-account@example.com").user
    client.force_login(user)
    assert client.get("/")["Location"] == "/catalogue"
    own = made(member, "own mailbox")
    ElementInstance.objects.filter(pk=own.pk).update(user=user)
    assert needs(client) == {}
    assert figures(client) == {"Events": 0, "Retrying": 0, "Failed or held back": 0}
    assert "their mailbox" not in page(client)


def test_more_instances_make_no_more_queries(reader: Client, member: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert reader.get("/").status_code == 200
        return len(asked)

    record(made(member, "lost", valid=False))
    reader.get("/")
    few = queries()
    for _ in range(5):
        record(made(member, "lost", valid=False))
    assert queries() == few
