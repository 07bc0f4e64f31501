"""The list of events: newest first, narrowed, page by page, and as it should be when empty."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from events.models import Event
from instances.models import ElementInstance
from tests.events.found import changes, new_instance, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance(member: User) -> ElementInstance:
    assert member.organization is not None
    return new_instance(member.organization, url="https://receiver.example/")


def ids(reader: Client, query: str = "") -> list[int]:
    answer = reader.get(f"/events{query}")
    assert answer.status_code == 200
    return [event.pk for event in answer.context["events"]]


def test_an_empty_list_says_what_to_do(reader: Client) -> None:
    page = reader.get("/events").content.decode()
    assert "Nothing has been noticed yet." in page
    assert 'href="/catalogue"' in page


def test_it_is_narrowed_by_each_filter(
    reader: Client, instance: ElementInstance, member: User
) -> None:
    assert member.organization is not None
    other = new_instance(member.organization)  # nowhere to send to: its events stay NEW
    other.name = "Archive of 2025"
    other.save()
    [sent], [kept] = record(instance), record(other)
    old = timezone.now() - timedelta(days=3)
    Event.objects.filter(pk=kept).update(created_at=old, object_type="contacts")
    assert ids(reader) == [sent, kept]
    for query, wanted in {
        "?objectType=contacts": [kept],
        "?status=NEW": [kept],
        "?status=dispatched": [sent],
        f"?instance={other.pk}": [kept],
        f"?account={other.pk}": [kept],
        "?instance=archive of": [kept],
        "?instance=nobody": [],
        f"?to={old:%Y-%m-%d}": [kept],
        f"?from={timezone.now():%Y-%m-%d}": [sent],
        "?objectType=contacts&status=DISPATCHED": [],
    }.items():
        assert ids(reader, query) == wanted, query
    assert "No event is like that." in reader.get("/events?instance=nobody").content.decode()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=x", "From must be a date or time"),
        ("status=gone", "Status must be one of"),
        ("nextPage=x", "NextPage is not a token"),
        ("from=2026-02-02&to=2026-01-01", "From must not be later than to"),
    ],
)
def test_a_filter_that_cannot_be_is_said(reader: Client, query: str, said: str) -> None:
    answer = reader.get(f"/events?{query}")
    assert answer.status_code == 400
    assert said in answer.content.decode()


@pytest.mark.parametrize("query", ["objectType=%00", "instance=%00", "instance=" + "9" * 40])
def test_what_no_column_could_hold_finds_what_it_finds(reader: Client, query: str) -> None:
    assert reader.get(f"/events?{query}").status_code == 200


def test_pages_go_on_where_the_last_ended_with_the_same_filter(
    reader: Client, instance: ElementInstance
) -> None:
    made = [event for _ in range(12) for event in record(instance, changes(100))]
    path, found = "/events?objectType=changed-messages", list[int]()
    while path:
        answer = reader.get(path)
        found += [event.pk for event in answer.context["events"]]
        older = re.search(r'href="(/events\?[^"]*nextPage=[^"]+)"', answer.content.decode())
        path = older[1].replace("&amp;", "&") if older else ""
        assert not path or "objectType=changed-messages" in urlsplit(path).query
    assert found == sorted(made, reverse=True)
    assert len(found) > 100


def test_its_queries_are_as_many_whatever_it_holds(
    reader: Client,
    instance: ElementInstance,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(30):
        record(instance)
    with django_assert_max_num_queries(6):
        assert len(ids(reader)) == 30
