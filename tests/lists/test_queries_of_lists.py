"""Every list makes the same number of queries for one row and for a hundred.

Every endpoint that is described as a list is in the table; one that is not fails the last test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.db.models import Max, Model
from django.test.utils import CaptureQueriesContext
from django.urls import URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Account
from accounts.provision import NewOrganization
from api.openapi import PREFIX, Enumerator
from api.schema import documentation_of
from bulk.models import BulkError, BulkJob
from elements.models import PrivateElement
from events.models import Delivery, DeliveryAttempt, Event, RefusedWebhook, Subscription
from instances.models import Credential, ElementInstance
from polling.models import PollingResource
from tests.conftest import ClientFor
from tests.events.found import new_instance, record

pytestmark = pytest.mark.django_db
MANY = 100
BODY = '{"message": {"raw": {"objectType": "x", "x": []}, "events": []}}'


@dataclass(frozen=True)
class World:
    """An organization with one row of everything that is listed."""

    owner: NewOrganization
    instance: ElementInstance
    event: Event  # of the instance
    notification: Event
    job: BulkJob
    account: Account


@pytest.fixture
def world(organization: NewOrganization) -> World:
    instance = new_instance(organization.organization, url="https://receiver.example/")
    Credential(instance=instance, access_token="t", refresh_token="r").save()
    [event_id] = record(instance)
    now = timezone.now()
    notification = Event.objects.create(
        organization=organization.organization, topic="t", body=BODY, created_at=now
    )
    subscription = Subscription(
        organization=organization.organization, topics=["t"], url="https://receiver.example/"
    )
    subscription.save()
    for event in (notification, Event.objects.get(pk=event_id)):
        delivery = Delivery.objects.create(
            organization=organization.organization,
            event=event,
            subscription=subscription,
            webhook_id=f"msg_{event.pk}",
            next_attempt_at=now,
            created_at=now,
        )
        DeliveryAttempt.objects.create(
            delivery=delivery, number=1, started_at=now, duration_ms=1, error="refused"
        )
    Delivery.objects.update(status="queued")
    job = BulkJob.objects.create(
        organization=organization.organization,
        instance=instance,
        resource="messages",
        query="select * from messages",
        next_run_at=now,
        created_at=now,
    )
    BulkError.objects.create(job=job, object_id="m", message="gone", created_at=now)
    PollingResource.objects.get_or_create(
        instance=instance,
        name="changed-messages",
        defaults={
            "organization": organization.organization,
            "interval": 900,
            "next_poll_at": now,
        },
    )
    account = organization.user.account
    assert account is not None
    PrivateElement(
        organization=organization.organization,
        key="shared",
        definition='{"name": "Shared", "extends": "gmail"}',
    ).save()
    return World(organization, instance, Event.objects.get(pk=event_id), notification, job, account)


def again(row: Model, times: int = MANY - 1, **different: Any) -> list[Any]:
    """More rows like one; `{}` in a text that must differ is the copy's number."""
    model = type(row)
    highest = model._default_manager.aggregate(Max("pk"))["pk__max"]
    values = {
        field.attname: getattr(row, field.attname) for field in row._meta.local_concrete_fields
    }
    copies = []
    for number in range(1, times + 1):
        own = {
            name: value.format(number) if isinstance(value, str) else value
            for name, value in different.items()
        }
        copy = model(**{**values, **own, "id": highest + number})
        copy.save(force_insert=True)
        copies.append(copy)
    return copies


def multiply(world: World) -> None:
    """A hundred of each row that is listed."""
    for account in again(world.account, external_id="x{}", name="A {}", is_default=False):
        assert account.pk
    shared = PrivateElement.objects.get(key="shared")
    shared.shared_with.set(Account.objects.all())
    again(world.owner.user, username="user{}@example.com", email="", secret_digest="u{}")
    again(Subscription.objects.get(instance=None), url="https://receiver.example/{}")
    for copy in again(world.instance, token_digest="token {}", name="Mailbox {}"):
        again(Subscription.objects.get(instance=world.instance), 1, instance_id=copy.pk)
        again(Credential.objects.get(instance=world.instance), 1, instance_id=copy.pk)
    again(PollingResource.objects.get(instance=world.instance), name="resource-{}")
    deliveries = list(Delivery.objects.filter(event=world.event))
    for event in again(world.event):
        for delivery in deliveries:
            webhook_id = f"of {event.pk} to {delivery.subscription_id}"
            again(delivery, 1, event_id=event.pk, webhook_id=webhook_id)
    again(world.notification)
    others = Subscription.objects.filter(instance=None).exclude(deliveries__event=world.event)
    for number, subscription in enumerate(others):
        for event in (world.event, world.notification):
            delivery = Delivery.objects.filter(event=event, subscription__instance=None)[0]
            [copy] = again(
                delivery,
                1,
                subscription_id=subscription.pk,
                webhook_id=f"to {number} of {event.pk}",
            )
            again(DeliveryAttempt.objects.all()[0], 1, delivery_id=copy.pk)
    RefusedWebhook.objects.bulk_create(
        RefusedWebhook(
            instance=world.instance,
            digest=str(number),
            reason="nothing is known of it",
            size=2,
            body=b"{}",
            created_at=timezone.now(),
            last_received_at=timezone.now(),
        )
        for number in range(MANY)
    )
    again(world.job)
    again(BulkError.objects.get())
    for number in range(MANY):
        PrivateElement(
            organization=world.owner.organization,
            key=f"own{number}",
            definition='{"name": "Own", "extends": "gmail"}',
        ).save()


def clients(world: World, client_for: ClientFor) -> dict[str, APIClient]:
    return {
        "organization": client_for(world.owner),
        "element": client_for(world.owner, world.instance.token),
    }


# The path of each list, the client that asks it, and its query.
LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "/instances": ("organization", {}),
    "/elements/{element}/instances": ("organization", {}),
    "/instances/configuration": ("element", {}),
    "/instances/{instance_id}/configuration": ("organization", {}),
    "/elements/{element}/instances/{instance_id}/configuration": ("organization", {}),
    "/instances/events": ("organization", {}),
    "/instances/{instance_id}/events": ("organization", {}),
    "/instances/{instance_id}/refused-webhooks": ("organization", {}),
    "/instances/events/analytics": ("organization", {}),
    "/instances/events/analytics/instances": ("organization", {}),
    "/instances/events/analytics/accounts": ("organization", {}),
    "/instances/events/dispositions": ("organization", {}),
    "/instances/events/{event_id}/deliveries": ("organization", {}),
    "/instances/{instance_id}/events/{event_id}/deliveries": ("organization", {}),
    "/instances/events/queue": ("element", {}),
    "/instances/{instance_id}/events/queue": ("organization", {}),
    "/instances/event-poller-records": ("element", {}),
    "/notifications": ("organization", {"topics[]": "t"}),
    "/notifications/subscriptions": ("organization", {}),
    "/notifications/subscriptions/deliveries": ("organization", {"hydrate": "true"}),
    "/notifications/{notification_id}/subscriptions/deliveries": ("organization", {}),
    "/notifications/subscriptions/{subscription_id}/queue": ("organization", {}),
    "/accounts": ("organization", {}),
    "/accounts/{account_id}/users": ("organization", {}),
    "/users": ("organization", {}),
    "/users/{user}/roles": ("organization", {}),
    "/organizations/users": ("organization", {}),
    "/bulk": ("element", {}),
    "/hubs/{hub}/bulk": ("element", {}),
    "/bulk/{bulk_id}/errors": ("element", {}),
    "/hubs/{hub}/bulk/{bulk_id}/errors": ("element", {}),
    "/elements": ("organization", {}),
    "/elements/keys": ("organization", {}),
    "/elements/metadata": ("organization", {}),
    "/elements/{key_or_id}/accounts": ("organization", {}),
    "/hubs": ("organization", {"hydrate": "true"}),
    "/hubs/keys": ("organization", {}),
    "/hubs/{hub_key}/elements": ("organization", {}),
    "/objects": ("element", {}),
    "/hubs/{hub}/objects": ("element", {}),
}
# Lists whose length does not follow from rows: what an element declares, roles, hubs, buckets.
CONSTANT = {
    "/instances/configuration",
    "/instances/{instance_id}/configuration",
    "/elements/{element}/instances/{instance_id}/configuration",
    "/instances/events/analytics",
    "/instances/events/analytics/instances",
    "/instances/events/analytics/accounts",
    "/users/{user}/roles",
    "/hubs",
    "/hubs/keys",
    "/objects",
    "/hubs/{hub}/objects",
}
BY_PROVIDER = {"/{path}", "/hubs/{hub}/{path}"}  # what is listed is not in our database


def count(client: APIClient, path: str, query: dict[str, str]) -> tuple[int, int]:
    """How many records and queries."""
    client.get(f"{PREFIX}{path}", query)  # what is read once for all requests
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{PREFIX}{path}", query)
    assert answer.status_code == 200, (path, answer.content)
    return len(answer.json()), len(queries)


def test_no_list_makes_more_queries_for_more_rows(world: World, client_for: ClientFor) -> None:
    in_paths = {
        "element": "gmail",
        "key_or_id": "shared",
        "instance_id": world.instance.pk,
        "event_id": world.event.pk,
        "notification_id": world.notification.pk,
        "subscription_id": Subscription.objects.get(instance=None).pk,
        "account_id": world.account.pk,
        "user": world.owner.user.pk,
        "hub": "general",
        "hub_key": "general",
        "bulk_id": world.job.pk,
    }
    asking = clients(world, client_for)
    paths = {path: path.format(**in_paths) for path in LISTS}
    few = {path: count(asking[LISTS[path][0]], paths[path], LISTS[path][1]) for path in LISTS}
    multiply(world)
    many = {path: count(asking[LISTS[path][0]], paths[path], LISTS[path][1]) for path in LISTS}

    more = {path: (few[path], many[path]) for path in LISTS if many[path][1] > few[path][1]}
    assert not more, "records and queries, before and after"
    grown = {path for path, (records, _) in many.items() if records >= MANY}
    assert set(LISTS) - grown == CONSTANT


def test_every_list_is_in_the_table() -> None:
    assert set(lists()) - BY_PROVIDER == set(LISTS)


def lists() -> Iterator[str]:
    enumerator = Enumerator(None, "config.urls")
    for entry in get_resolver("config.urls").url_patterns:
        if isinstance(entry, URLResolver) and f"/{entry.pattern}" == f"{PREFIX}/":
            for route in entry.url_patterns:
                view = getattr(getattr(route, "callback", None), "cls", None)
                said = documentation_of(getattr(view, "get", lambda: None))
                if said is not None and said.pages is not None:
                    yield enumerator.get_path_from_regex(str(route.pattern))
