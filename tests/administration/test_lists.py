"""Lists of the admin: as many queries for a hundred rows as for one, no count, what is sought."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from administration import paginator
from events.models import Delivery, Event, Subscription
from instances.models import ElementInstance
from polling.models import PollingResource
from tests.administration.world import World, address, models, signed_in

pytestmark = pytest.mark.django_db
MANY = 30


def queries_of(browser: Client) -> dict[str, list[str]]:
    made = {}
    for model in models():
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(address(model)).status_code == 200
        made[model._meta.label] = [one["sql"] for one in captured]
    return made


def test_a_list_makes_as_many_queries_for_many_rows_as_for_one(world: World) -> None:
    browser = signed_in(superuser=True)
    one = queries_of(browser)
    world.fill(MANY - 1)
    many = queries_of(browser)
    for label, queries in one.items():
        assert len(many[label]) == len(queries), "\n".join([label, *many[label]])


def test_many_rows_are_estimated_and_few_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fill(9)
    monkeypatch.setattr(paginator, "COUNTED", 5)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")
    every = paginator.EstimatingPaginator(Event.objects.order_by("-pk"), 3)
    assert every.count == 10
    assert every.estimated
    few = paginator.EstimatingPaginator(
        Event.objects.filter(pk=world.rows[Event][0].pk).order_by("pk"), 3
    )
    assert few.count == 1
    assert not few.estimated


def test_pages_are_whole_and_in_order(world: World) -> None:
    world.fill(9)
    pages = paginator.EstimatingPaginator(Event.objects.order_by("-pk"), 4)
    shown = [event.pk for number in (1, 2, 3) for event in pages.page(number).object_list]
    assert shown == sorted((event.pk for event in world.rows[Event]), reverse=True)


def test_what_is_sought_is_found(world: World) -> None:
    first = world.rows[Delivery][0].event
    with connection.cursor() as cursor:  # no other instance has the number of this event
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('instances_elementinstance', 'id'), %s)",
            [max(first.pk, first.instance_id) + 1_000],
        )
    world.fill(1)
    browser = signed_in(superuser=True)
    wanted, other = world.rows[Delivery]
    instance = wanted.event.instance
    ElementInstance.objects.filter(pk=instance.pk).update(name="Wanted mailbox", tags=["rare"])
    sought = [
        (Event, str(wanted.event_id), wanted.event_id, other.event_id),
        (Subscription, wanted.webhook_id, wanted.subscription_id, other.subscription_id),
        (Event, wanted.webhook_id, wanted.event_id, other.event_id),
        (Delivery, wanted.webhook_id, wanted.pk, other.pk),
        (ElementInstance, "WANTED", instance.pk, other.event.instance_id),
        (ElementInstance, "rare", instance.pk, other.event.instance_id),
        (
            PollingResource,
            "wanted m",
            world.rows[PollingResource][0].pk,
            world.rows[PollingResource][1].pk,
        ),
    ]
    for model, term, found, left_out in sought:
        page = browser.get(address(model), {"q": term}).content.decode()
        assert address(model, "change", found) in page, term
        assert address(model, "change", left_out) not in page, term
    for term in ("nothing like it", "9" * 30, "\0", "%", "'"):
        assert browser.get(address(ElementInstance), {"q": term}).status_code == 200


def test_nobody_has_a_table_counted(world: World) -> None:
    page = signed_in(superuser=True).get(address(ElementInstance)).content.decode()
    assert "_facets" not in page


def test_nobody_has_a_table_sorted(world: World) -> None:
    with CaptureQueriesContext(connection) as asked:
        page = signed_in(superuser=True).get(address(Event), {"o": "5.4"})
    assert page.status_code == 200
    ordered = [one["sql"] for one in asked if 'FROM "events_event"' in one["sql"]]
    assert any("ORDER BY" in sql for sql in ordered)
    assert not [sql for sql in ordered if '"events_event"."topic" ASC' in sql]
