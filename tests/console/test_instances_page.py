"""The list of instances: how each is at a glance, searched, filtered, and paged."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.provision import NewOrganization
from console import instances
from instances.models import Credential, ElementInstance
from polling import overdue
from polling.models import PollingResource
from tests.events.found import new_instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def late(organization: NewOrganization) -> list[ElementInstance]:
    """Two instances that should have been polled, and one whose events are off."""
    warned = {"problem": "A box was not ticked.", "reason_code": "scope-missing"}
    made = [
        polled(organization, "late"),
        polled(organization, "late and warned", **warned),
        polled(organization, "late with events off", events_enabled=False),
    ]
    due = timezone.now() - timedelta(hours=2)
    PollingResource.objects.update(next_poll_at=due)
    return made


def polled(organization: NewOrganization, name: str, **columns: Any) -> ElementInstance:
    instance = new_instance(organization.organization)
    ElementInstance.objects.filter(pk=instance.pk).update(name=name, tags=[name], **columns)
    Credential(instance=instance, access_token="t", refresh_token="r").save()
    PollingResource.objects.create(
        organization=organization.organization,
        instance=instance,
        name="changed-messages",
        interval=60,
        next_poll_at=timezone.now() + timedelta(seconds=60),
        last_polled_at=timezone.now(),
    )
    return instance


def listed(reader: Client, **query: str) -> list[str]:
    """The names on the page."""
    page = reader.get("/instances", query)
    assert page.status_code == 200
    return re.findall(r'<a href="/instances/\d+">([^<]*)</a>', page.content.decode())


def test_overdue_is_the_same_as_what_monitoring_counts(late: list[ElementInstance]) -> None:
    now = timezone.now()
    assert overdue.resources(now).count() == overdue.figures(now).resources == 3


def test_what_is_wrong_is_said_beside_the_state(
    reader: Client, late: list[ElementInstance]
) -> None:
    page = reader.get("/instances", {"search": "late and warned"}).content.decode()
    assert "Polling has stalled" in page
    assert "A box was not ticked." in page
    assert "overdue</span>" in page


def test_search_and_filters(reader: Client, organization: NewOrganization) -> None:
    first, second = (new_instance(organization.organization) for _ in range(2))
    ElementInstance.objects.filter(pk=first.pk).update(name="Billing", tags=["eu", "50% off"])
    ElementInstance.objects.filter(pk=second.pk).update(name="Sales", element_key="github")

    assert listed(reader, search="bill") == ["Billing"]
    assert listed(reader, search=" GitHub ") == ["Sales"]
    assert listed(reader, search=str(first.pk)) == ["Billing"]
    assert listed(reader, tag="50% off") == ["Billing"]
    assert listed(reader, tag="e") == []
    assert listed(reader, element="github") == ["Sales"]
    assert listed(reader, element="github", search="bill") == []
    assert listed(reader, state="no such state", below="x", above="9" * 30) == ["Sales", "Billing"]
    assert listed(reader, search="\0%_'") == []
    assert "No instances match these filters." in reader.get("/instances?search=x").content.decode()


def test_pages_neither_skip_nor_repeat(reader: Client, organization: NewOrganization) -> None:
    names = [f"M{number}" for number in range(120)]
    for name in names:
        row = new_instance(organization.organization)
        ElementInstance.objects.filter(pk=row.pk).update(name=name)
    forth: list[str] = []
    at = "/instances?element=gmail"
    while at:
        page = reader.get(at).content.decode()
        forth += re.findall(r'<a href="/instances/\d+">([^<]*)</a>', page)
        found = re.search(r'rel="next" href="([^"]*)"', page)
        last, at = at, "/instances" + found[1].replace("&amp;", "&") if found else ""
    assert forth == names[::-1]
    back: list[str] = []
    at = last
    while at:
        page = reader.get(at).content.decode()
        back = re.findall(r'<a href="/instances/\d+">([^<]*)</a>', page) + back
        found = re.search(r'rel="prev" href="([^"]*)"', page)
        at = "/instances" + found[1].replace("&amp;", "&") if found else ""
    assert back == names[::-1]


def test_more_instances_make_no_more_queries(
    reader: Client, organization: NewOrganization, late: list[ElementInstance]
) -> None:
    reader.get("/instances")

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            reader.get("/instances")
        return len(made)

    few = queries()
    for number in range(30):
        polled(organization, f"more {number}")
    assert queries() == few


def test_others_instances_and_tags_are_not_there(
    reader: Client, stranger: User, organization: NewOrganization
) -> None:
    assert stranger.organization is not None
    other = new_instance(stranger.organization)
    ElementInstance.objects.filter(pk=other.pk).update(name="Theirs", tags=["their tag"])
    new_instance(organization.organization)
    page = reader.get("/instances").content.decode()
    assert "Theirs" not in page
    assert "their tag" not in page
    assert listed(reader, search=str(other.pk)) == []
    assert listed(reader, tag="their tag") == []


def test_any_problem_finds_all_that_are_not_connected(
    reader: Client, organization: NewOrganization, late: list[ElementInstance]
) -> None:
    polled(organization, "fine")
    off = polled(organization, "off", enabled=False)
    lost = polled(organization, "lost", valid=False)
    PollingResource.objects.filter(instance__in=[off, lost]).update(
        next_poll_at=timezone.now() + timedelta(hours=1)
    )
    assert listed(reader, state="problem") == ["lost", "off", "late and warned", "late"]
    assert listed(reader, state="problem", search="late") == ["late and warned", "late"]


def test_the_total_stands_beside_the_filters(
    reader: Client,
    organization: NewOrganization,
    late: list[ElementInstance],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "3 instances</p>" in reader.get("/instances").content.decode()
    assert "2 instances</p>" in reader.get("/instances?state=problem").content.decode()
    assert "1 instance</p>" in reader.get("/instances?search=warned").content.decode()
    monkeypatch.setattr(instances, "MOST_COUNTED", 2)
    assert "More than 2 instances</p>" in reader.get("/instances").content.decode()
