"""GET /instances/event-poller-records: one record a polled resource of the token's instance."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest, new_instance_token
from instances.models import ElementInstance
from polling.models import PollingResource
from polling.poll_now import start_new

from .conftest import Connect, saved
from .ledger import Ledger

pytestmark = pytest.mark.django_db

RECORDS = "/elements/api-v2/instances/event-poller-records"
ENTRIES = {"url": "/hubs/general/entries", "idField": "id"}
DRAFTS = {"url": "/hubs/general/drafts", "idField": "id"}


def polls(instance: ElementInstance, *entries: tuple[str, dict[str, str]]) -> None:
    instance.configuration["event.poller.configuration"] = json.dumps(dict(entries))
    saved(instance)


@pytest.fixture
def owner(db: None) -> NewOrganization:
    return create_organization("Owner", "owner@example.com")


@pytest.fixture
def instance(owner: NewOrganization, connect: Connect, ledger: Ledger) -> ElementInstance:
    return with_token(connect("ledger", organization=owner.organization))


def with_token(instance: ElementInstance) -> ElementInstance:
    instance.token = new_instance_token()
    instance.token_digest = digest(instance.token)
    instance.save()
    return instance


def read(owner: NewOrganization, instance: ElementInstance) -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"User {owner.user_secret}, Element {instance.token}")
    answer = client.get(RECORDS)
    assert answer.status_code == 200, answer.content
    assert answer["Elements-Total-Count"] == str(len(answer.json()))
    return answer.json()


def test_each_polled_resource_has_a_record(
    owner: NewOrganization, instance: ElementInstance
) -> None:
    polls(instance, ("entries", ENTRIES), ("drafts", DRAFTS))
    drafts, entries = read(owner, instance)
    row = PollingResource.objects.get(instance=instance, name="entries")
    assert drafts["objectName"] == "drafts"
    assert entries["objectName"] == "entries"
    assert entries["id"] == row.pk
    assert entries["elementInstanceId"] == instance.pk
    assert (entries["url"], entries["idField"]) == ("/hubs/general/entries", "id")
    assert entries["active"] is True


def test_what_is_no_longer_polled_has_none(
    owner: NewOrganization, instance: ElementInstance
) -> None:
    polls(instance, ("entries", ENTRIES), ("drafts", DRAFTS))
    polls(instance, ("drafts", DRAFTS))
    assert [record["objectName"] for record in read(owner, instance)] == ["drafts"]


def test_it_tells_how_polling_goes(
    owner: NewOrganization, instance: ElementInstance, ledger: Ledger
) -> None:
    (record,) = read(owner, instance)
    assert record["lastPolledDate"] is None
    start_new(instance.pk)
    (record,) = read(owner, instance)
    assert record["lastPolledDate"] == record["lastSuccessDate"] is not None
    assert record["nextPollDate"] > f"{timezone.now():%Y-%m-%d}"
    assert record["error"] is None

    PollingResource.objects.update(failures=2, error="the provider is away", active=False)
    (record,) = read(owner, instance)
    assert (record["failures"], record["error"]) == (2, "the provider is away")
    assert record["nextPollDate"] is None


def test_another_instance_has_its_own(
    owner: NewOrganization, instance: ElementInstance, connect: Connect
) -> None:
    other = with_token(connect("other", organization=owner.organization))
    assert [record["elementInstanceId"] for record in read(owner, other)] == [other.pk]


def test_one_resource_or_a_hundred_take_the_same_queries(
    owner: NewOrganization, instance: ElementInstance
) -> None:
    read(owner, instance)
    with CaptureQueriesContext(connection) as for_one:
        assert len(read(owner, instance)) == 1
    PollingResource.objects.bulk_create(
        PollingResource(
            organization_id=instance.organization_id,
            instance=instance,
            name=f"resource-{number}",
            interval=60,
            next_poll_at=timezone.now(),
        )
        for number in range(99)
    )
    with CaptureQueriesContext(connection) as for_many:
        assert len(read(owner, instance)) == 100
    assert len(for_many) == len(for_one)


def test_it_needs_an_element_token(owner: NewOrganization) -> None:
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION=f"User {owner.user_secret}, Organization {owner.organization_secret}"
    )
    assert client.get(RECORDS).status_code == 401
