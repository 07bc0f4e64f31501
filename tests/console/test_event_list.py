"""The list of events: newest first, narrowed, page by page, and as it should be when empty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from console import event_titles
from events.models import Delivery, Event, Subscription
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
    return [event.pk for event, _ in answer.context["rows"]]


def test_an_empty_list_says_what_to_do(reader: Client) -> None:
    page = reader.get("/events").content.decode()
    assert "Nothing has been noticed yet." in page
    assert 'href="/catalogue"' in page


def test_an_empty_list_names_what_is_watched(reader: Client, instance: ElementInstance) -> None:
    page = reader.get("/events").content.decode()
    assert "No events yet." in page
    assert f'<a href="/instances/{instance.pk}">Mailbox</a> is watched for changes.' in page
    assert "Connect an account" not in page


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
        "?status=dispatched": [sent],  # a word of the API's
        "?status=stored": [kept],
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


# Of a delivery: what is on its row, and on its subscription's.
DELIVERIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "failed": ({"status": "failed"}, {}),
    "delivery-off": ({"status": "queued"}, {"active": False}),
    "retrying": ({"status": "retry", "failures": 4}, {}),
    "queued": ({"status": "queued"}, {}),
    "in-order": ({"status": "waiting"}, {}),
    "sending": ({"status": "created"}, {}),
    "delivered": ({"status": "delivered"}, {}),
}
WORDS = {
    "failed": "failed",
    "delivery-off": "waiting: delivery is off",
    "retrying": "retrying (4 failed), next at",
    "queued": "queued",
    "in-order": "waiting for an earlier event",
    "sending": "on its way",
    "delivered": "delivered",
    "stored": "stored only",
}


def test_an_event_says_the_worst_of_its_deliveries_and_is_found_by_that(
    reader: Client, member: User
) -> None:
    expected = {
        with_deliveries(member, words): min(words, key=list(WORDS).index, default="stored")
        for words in (*product(DELIVERIES, DELIVERIES), ())
    }
    assert said(reader, "?pageSize=100") == {key: WORDS[word] for key, word in expected.items()}
    for status, word in WORDS.items():
        wanted = {key: word for key, its in expected.items() if its == status}
        assert said(reader, f"?pageSize=100&status={status}") == wanted


def with_deliveries(member: User, words: Sequence[str]) -> int:
    """An event with these deliveries, to its instance's subscription and to one of a topic."""
    assert member.organization is not None
    instance = new_instance(member.organization)
    [event] = record(instance)
    arrived = all(word == "delivered" for word in words)
    status = "NEW" if not words else "NOTIFIED" if arrived and len(words) > 1 else "DISPATCHED"
    topic = "accounts.status" if len(words) > 1 else ""
    Event.objects.filter(pk=event).update(status=status, topic=topic)
    for own, word in zip((instance, None), words, strict=False):
        columns, of_subscription = DELIVERIES[word]
        to = Subscription(
            organization=member.organization, instance=own, url="https://x/", **of_subscription
        )
        to.save()
        Delivery.objects.create(
            organization=member.organization,
            event_id=event,
            subscription=to,
            webhook_id=f"msg_{to.pk}",
            next_attempt_at=timezone.now(),
            created_at=timezone.now(),
            **columns,
        )
    return event


def said(reader: Client, query: str) -> dict[int, str]:
    """What the list says of each event, without times."""
    page = reader.get(f"/events{query}").content.decode()
    rows = re.findall(r'<a href="/events/([0-9]+)">(.*?)</tr>', page, re.DOTALL)
    found = {}
    for key, row in rows:
        cell = re.sub(r"<time.*?</time>", "", row[row.rindex("<td>") :])
        found[int(key)] = re.sub(r"<[^>]*>", "", cell).strip().replace(") next", "), next")
    return found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from=x", "From must be a date or time"),
        ("status=gone", "Status must be one of"),
        ("nextPage=x", "NextPage is not a token"),
        ("from=2026-02-02&to=2026-01-01", "From must not be later than to"),
    ],
)
def test_a_filter_that_cannot_be_is_said(reader: Client, query: str, message: str) -> None:
    answer = reader.get(f"/events?{query}")
    assert answer.status_code == 400
    assert message in answer.content.decode()


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
        found += [event.pk for event, _ in answer.context["rows"]]
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
    with django_assert_max_num_queries(10):
        assert len(ids(reader)) == 30


def mail(subject: str, sender: str = "Ann <ann@example.com>") -> dict[str, Any]:
    headers = [{"name": "Subject", "value": subject}, {"name": "From", "value": sender}]
    return {"payload": {"headers": headers}}


def test_a_row_says_what_the_event_is_about(reader: Client, instance: ElementInstance) -> None:
    record(instance, changes(2, **mail("Order 10482: where is it?")))
    page = reader.get("/events").content.decode()
    assert '<bdi class="event-title">Order 10482: where is it?</bdi>' in page
    assert "<bdi>Ann &lt;ann@example.com&gt;</bdi>" in page
    assert "and 1 more" in page


def test_hostile_titles_are_one_line_of_text(reader: Client, instance: ElementInstance) -> None:
    hostile = "<script>alert(1)</script>\u202egnp.exe\nnext\ud800" + "x" * 5_000
    record(instance, changes(1, **mail(hostile)))
    page = reader.get("/events").content.decode()
    [title] = re.findall(r'<bdi class="event-title">([^<]*)</bdi>', page)
    assert title.startswith("&lt;script&gt;alert(1)&lt;/script&gt; gnp.exe next?xxx")
    assert title.endswith("x…")
    assert len(title) < 150


@pytest.mark.parametrize("found", [{}, {"payload": "none"}, {"payload": {"headers": [7]}}])
def test_a_record_without_a_title_is_listed_as_before(
    reader: Client, instance: ElementInstance, found: dict[str, Any]
) -> None:
    record(instance, changes(1, **found))
    page = reader.get("/events").content.decode()
    assert "event-title" not in page
    assert "changed-messages" in page


def test_bodies_are_read_for_titles_up_to_a_size(
    reader: Client, instance: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    [older] = record(instance, changes(1, **mail("Older")))
    record(instance, changes(1, **mail("Newer"), text="x" * 1_000))
    size = len(Event.objects.get(pk=older).body)
    monkeypatch.setattr(event_titles, "LARGEST_BODIES", size)
    page = reader.get("/events").content.decode()
    assert "Older</bdi>" in page
    assert "Newer" not in page
