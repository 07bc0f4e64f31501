"""Milliseconds of each list of the API at 100,000 instances and 1,000,000 events.

All of them belong to one organization. Each list is asked as a client would: the first page of the
default size, a page far behind, each filter. The time is that of the whole request within the
process of the server: authentication, queries and the making of the JSON.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from django.db import connection

from benchmarks import database
from benchmarks.rows import insert, seal_all

INSTANCES, QUICK_INSTANCES = 100_000, 2_000
EVENTS, QUICK_EVENTS = 1_000_000, 10_000
PEOPLE = 1_000  # users, and as many accounts
NOTIFICATIONS = 10_000
TIMES = 7
NAMED = 50  # instances that a search or a tag finds
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = timedelta(days=30)  # in which the events lie
BODY = '{"message":{"raw":{"objectType":"changed-messages","changed-messages":[%s]},"events":[]}}'
RECORD = '{"id":"18c2f0b1a2d3e4f5","snippet":"' + "x" * 700 + '"}'


@dataclass(frozen=True, slots=True)
class Asked:
    """One list: a name for its figure, the path, the query."""

    name: str
    path: str
    query: Mapping[str, Any]
    statuses: tuple[int, ...] = (200,)


def run(*, quick: bool) -> dict[str, float]:
    instances = QUICK_INSTANCES if quick else INSTANCES
    events = QUICK_EVENTS if quick else EVENTS
    database.fresh("api_lists")
    client, token = _fill(instances, events)
    database.vacuum()
    figures = {
        f"list_ms: {asked.name}": _milliseconds(client, asked)
        for asked in _lists(instances, events)
    }
    figures["list_ms: resources of an instance"] = _milliseconds(
        token, Asked("", "/instances/event-poller-records", {})
    )
    database.drop("api_lists")
    return {
        "list_instances_ms": figures["list_ms: instances"],
        "slowest_list_ms": max(figures.values()),
        **figures,
        "list_instances_rows": instances,
        "list_events_rows": events,
    }


def _lists(instances: int, events: int) -> Iterator[Asked]:
    day = (BEGAN + PERIOD / 2).strftime("%Y-%m-%dT%H:%M:%SZ")
    later = (BEGAN + PERIOD / 2 + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    one = f"/instances/{instances // 2}"
    yield Asked("instances", "/instances", {})
    yield Asked("instances, the last page", "/instances", {"page": instances // 200})
    yield Asked("instances, light", "/instances", {"hydrate": "false"})
    yield Asked("instances, by tag", "/instances", {"tags[]": "rare"})
    yield Asked("instances, by text", "/instances", {"searchText": "wanted one"})
    yield Asked("instances, by text, none", "/instances", {"searchText": "nowhere"}, (404,))
    yield Asked("instances of an element", "/elements/gmail/instances", {})
    yield Asked("configuration of an instance", f"{one}/configuration", {})
    yield Asked("events", "/instances/events", {})
    yield Asked("events, a page behind", "/instances/events", {"page": min(2_000, events // 200)})
    yield Asked("events, by status", "/instances/events", {"status": "NOTIFIED"})
    yield Asked("events, by type", "/instances/events", {"objectType": "changed-messages"})
    yield Asked("events, by time", "/instances/events", {"from": day, "to": later})
    yield Asked("events of an instance", f"{one}/events", {})
    yield Asked("deliveries of an event", f"/instances/events/{events // 2}/deliveries", {})
    yield Asked("dispositions", "/instances/events/dispositions", {"from": day, "to": later})
    yield Asked("notifications", "/notifications", {"topics[]": "bench"})
    yield Asked("subscriptions", "/notifications/subscriptions", {})
    yield Asked(
        "deliveries, queued",
        "/notifications/subscriptions/deliveries",
        {"where": "channel='webhook' and status='queued'"},
    )
    yield Asked("accounts", "/accounts", {})
    yield Asked("users", "/users", {})
    yield Asked("users, where", "/users", {"where": "lastName='Number 77'"})
    yield Asked("users of the organization", "/organizations/users", {})
    yield Asked("elements", "/elements", {})
    yield Asked("hubs", "/hubs", {})


def _milliseconds(client: Any, asked: Asked) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = client.get(f"/elements/api-v2{asked.path}", asked.query)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code not in asked.statuses:
            raise RuntimeError(f"{asked.name}: {answer.status_code} {answer.content[:300]!r}")
    return median(took[1:])


# --- The rows ------------------------------------------------------------------------------------


def _fill(instances: int, events: int) -> tuple[Any, Any]:
    """Clients with the secrets of the organization, and with the token of one instance."""
    from django.conf import settings
    from rest_framework.test import APIClient

    from accounts.provision import create_organization

    settings.THROTTLE_USER = settings.THROTTLE_ORGANIZATION = 1_000_000_000
    settings.ALLOWED_HOSTS = ["testserver"]
    new = create_organization("Bench", "bench@example.com")
    organization, user = new.organization.pk, new.user.pk
    _people(organization)
    token = _instances(instances, organization, user)
    insert_events(events, instances, organization)
    pairs = f"User {new.user_secret}, Organization {new.organization_secret}"
    return (
        APIClient(headers={"Authorization": pairs}),
        APIClient(headers={"Authorization": f"{pairs}, Element {token}"}),
    )


def _people(organization: int) -> None:
    from accounts.models import Account, User

    account = Account(organization_id=organization, name="x")
    insert(account, PEOPLE, {"id": "n + 1", "name": "'A ' || n", "external_id": "'x' || n"})
    person = User(organization_id=organization, account_id=1, password="!")  # noqa: S106 - none
    insert(
        person,
        PEOPLE,
        {
            "id": "n + 1",
            "username": "'user' || n || '@example.com'",
            "email": "'user' || n || '@example.com'",
            "last_name": "'Number ' || n",
            "secret_digest": "'user ' || n",
        },
    )


def _instances(count: int, organization: int, user: int) -> str:
    """Returns the token of one of them."""
    from accounts.secret import digest, new_instance_token
    from instances.models import Credential, ElementInstance
    from polling.models import PollingResource

    token = new_instance_token()
    seal_all("token", "instances_elementinstance", "token", count, lambda _: token)
    seal_all("secrets", "instances_elementinstance", "secrets", count, _secrets)
    insert(
        ElementInstance(
            pk=0,
            organization_id=organization,
            user_id=user,
            element_key="gmail",
            events_enabled=True,
        ),
        count,
        {
            "name": f"'Mailbox ' || n || CASE WHEN n %% {count // NAMED} = 0 THEN ' wanted one' "
            "ELSE '' END",
            "tags": f'CASE WHEN n %% {count // NAMED} = 0 THEN \'["rare", "all"]\' '
            "ELSE '[\"all\"]' END::jsonb",
            "token": "(SELECT sealed FROM sealed_token s WHERE s.n = numbers.n)",
            "secrets": "(SELECT sealed FROM sealed_secrets s WHERE s.n = numbers.n)",
            "token_digest": f"CASE n WHEN 1 THEN '{digest(token)}' ELSE 'instance ' || n END",
            "configuration": """jsonb_build_object(
            'oauth.callback.url', 'https://example.com/oauth',
            'event.notification.enabled', 'true',
            'event.notification.callback.url', 'https://example.com/events',
            'event.poller.refresh_interval', '15')""",
        },
        source="generate_series(1, %s) AS numbers(n)",
    )
    seal_all("renewal", "instances_credential", "refresh_token", count, lambda _: "1//renewal")
    insert(
        Credential(pk=0, expires_at=BEGAN),
        count,
        {
            "instance_id": "n",
            "refresh_token": "(SELECT sealed FROM sealed_renewal s WHERE s.n = numbers.n)",
        },
        source="generate_series(1, %s) AS numbers(n)",
    )
    insert(
        PollingResource(
            organization_id=organization, name="changed-messages", interval=900, next_poll_at=BEGAN
        ),
        count,
        {"instance_id": "n"},
    )
    return token


def _secrets(_: int) -> str:
    return '{"oauth.api.key": "client-id", "oauth.api.secret": "a-client-secret-of-Googles"}'


def insert_events(count: int, instances: int, organization: int) -> None:
    from events.models import Delivery, Event, Subscription

    subscription = Subscription(pk=0, organization_id=organization, url="https://example.com/e")
    insert(subscription, instances, {"instance_id": "n"})
    spread = f"interval '{PERIOD.total_seconds() / count} s' * n"
    at = f"'{BEGAN.isoformat()}'::timestamptz + {spread}"
    instance = f"1 + n::bigint * 7919 %% {instances}"
    insert(
        Event(
            organization_id=organization,
            object_type="changed-messages",
            objects_found=[{"objectId": "18c2f0b1a2d3e4f5", "eventType": "CREATED"}],
            body=BODY % RECORD,
        ),
        count,
        {
            "instance_id": instance,
            "created_at": at,
            "status": "CASE n %% 20 WHEN 0 THEN 'DISPATCHED' ELSE 'NOTIFIED' END",
        },
    )
    insert(
        Delivery(organization_id=organization),
        count,
        {
            "event_id": "n",
            "subscription_id": instance,
            "webhook_id": "'msg_' || n",
            "created_at": at,
            "next_attempt_at": at,
            "status": "CASE n %% 20 WHEN 0 THEN 'queued' ELSE 'delivered' END",
        },
    )
    insert(
        Event(organization_id=organization, topic="bench", message="A word", body='{"message":{}}'),
        NOTIFICATIONS,
        {"id": f"n + {count}", "created_at": at},
    )
    topics = Subscription(pk=0, organization_id=organization, url="https://example.com/t")
    insert(topics, PEOPLE, {"id": f"n + {instances}", "topics": "'{bench}'"})
    with connection.cursor() as cursor:
        for table in ("events_event", "events_delivery", "events_subscription"):
            cursor.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")  # noqa: S608
