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
from console.instance import state
from console.instance.state import State
from instances.models import Credential, ElementInstance
from instances.status import notes_of
from polling import overdue
from polling.models import PollingResource
from tests.events.found import new_instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def states(organization: NewOrganization) -> dict[str, ElementInstance]:
    """One instance of each state, and some of two: the gravest is shown."""
    now = timezone.now()
    warned = {"problem": "A box was not ticked.", "reason_code": "scope-missing"}
    wanted: dict[str, dict[str, Any]] = {
        "healthy": {},
        "lost": {"valid": False, "problem": "Access was taken away."},
        "off": {"enabled": False},
        "late": {},
        "late and warned": warned,
        "warned": warned,
        "ending": {},
        "late with events off": {"events_enabled": False},
        "sealed": {},
        "sealed grant": {},
        "lost and off": {"valid": False, "enabled": False, "problem": "Gone."},
    }
    made = {name: polled(organization, name, **columns) for name, columns in wanted.items()}
    late = [made[name] for name in made if name.startswith("late")]
    PollingResource.objects.filter(instance__in=late).update(next_poll_at=now - timedelta(hours=2))
    for name in ("lost", "lost and off"):
        PollingResource.objects.filter(instance=made[name]).update(active=False)
    Credential.objects.filter(instance=made["ending"]).update(ends_at=now + timedelta(days=1))
    under_another_key("instances_elementinstance", "secrets", "id", made["sealed"])
    under_another_key("instances_credential", "refresh_token", "instance_id", made["sealed grant"])
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


def under_another_key(table: str, column: str, of: str, instance: ElementInstance) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = 'v1.0badbad0.' || split_part({column}, '.', 3)"  # noqa: S608
            f" WHERE {of} = %s",
            [instance.pk],
        )


def listed(reader: Client, **query: str) -> list[str]:
    """The names on the page."""
    page = reader.get("/instances", query)
    assert page.status_code == 200
    return re.findall(r'<a href="/instances/\d+">([^<]*)</a>', page.content.decode())


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (State.HEALTHY, ["healthy", "late with events off"]),
        (State.LOST, ["lost", "lost and off"]),
        (State.DISABLED, ["off"]),
        (State.OVERDUE, ["late", "late and warned"]),
        (State.ATTENTION, ["ending", "sealed", "sealed grant", "warned"]),
    ],
)
def test_a_filter_shows_the_instances_of_that_state(
    reader: Client, states: dict[str, ElementInstance], wanted: State, names: list[str]
) -> None:
    assert sorted(listed(reader, state=wanted.value)) == names


def test_every_instance_is_in_the_state_that_its_row_says(
    states: dict[str, ElementInstance],
) -> None:
    rows = list(ElementInstance.objects.select_related("credential"))
    notes = notes_of(rows)
    now = timezone.now()
    for one in State:
        found = state.only(ElementInstance.objects.all(), one, now)
        assert {row.pk for row in found} == {row.pk for row in rows if state.of(row, notes) is one}


def test_overdue_is_the_same_as_what_monitoring_counts(states: dict[str, ElementInstance]) -> None:
    now = timezone.now()
    assert overdue.resources(now).count() == overdue.figures(now).resources == 3


def test_what_is_wrong_is_said_beside_the_state(
    reader: Client, states: dict[str, ElementInstance]
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
    assert "No instance is like that." in reader.get("/instances?search=x").content.decode()


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
    reader: Client, organization: NewOrganization, states: dict[str, ElementInstance]
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
