"""How many events there were: by time, by instance and by account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from accounts.provision import NewOrganization
from events.models import Delivery, Event
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db
ANALYTICS = "/elements/api-v2/instances/events/analytics"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KINDS = ("", "/instances", "/accounts")


@pytest.fixture
def ask(organization: NewOrganization, client_for: ClientFor) -> Callable[..., Any]:
    client = client_for(organization)

    def get(kind: str = "", **query: Any) -> Any:
        with time_machine.travel(NOON, tick=False):
            return client.get(ANALYTICS + kind, query)

    return get


def recorded_at(instance: ElementInstance, *moments: datetime) -> list[int]:
    ids = []
    for moment in moments:
        with time_machine.travel(moment, tick=False):
            ids += record(instance)
    return ids


@pytest.fixture
def instance(organization: NewOrganization) -> ElementInstance:
    return new_instance(organization.organization)


def test_a_week_by_day_is_eight_buckets(instance: ElementInstance, ask: Callable[..., Any]) -> None:
    recorded_at(instance, NOON, NOON - DAY, NOON - DAY, NOON - 7 * DAY, NOON - 8 * DAY)
    recorded_at(new_instance(), NOON)

    answer = ask()

    counts = {bucket["timestamp"]: bucket["count"] for bucket in answer.json()}
    assert len(counts) == 8
    assert counts["2026-01-31T00:00:00Z"] == 1
    assert counts["2026-01-30T00:00:00Z"] == 2
    assert counts["2026-01-24T00:00:00Z"] == 1
    assert sum(counts.values()) == 4
    assert answer["Elements-Total-Count"] == "8"


@pytest.mark.parametrize(
    ("query", "buckets"),
    [
        ({"from": "2026-01-31T11:00:00Z", "interval": "minute"}, 61),
        ({"from": "2026-01-31T11:00:30Z", "interval": "MINUTE"}, 61),
        ({"from": "2026-01-31T11:59:00Z", "interval": "second"}, 61),
        ({"from": "2026-01-30T12:00:00Z", "interval": "hour"}, 25),
        ({"from": "2026-01-01", "interval": "week"}, 5),
        ({"from": "2025-10-31", "interval": "month"}, 4),
        ({"from": "2019-12-31", "interval": "year"}, 8),
        ({"from": "2026-01-31T12:00:00Z"}, 1),
        ({"to": "2026-01-15"}, 8),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_bucket_an_interval_both_ends_included(
    ask: Callable[..., Any], query: dict[str, str], buckets: int, kind: str
) -> None:
    assert len(ask(kind, **query).json()) == buckets


def test_the_first_and_the_last_bucket_are_whole(
    instance: ElementInstance, ask: Callable[..., Any]
) -> None:
    hour = timedelta(hours=1)
    recorded_at(instance, NOON, NOON + hour - timedelta(microseconds=1), NOON + hour)
    query = {"from": "2026-01-31T12:30:00Z", "to": "2026-01-31T12:45:00Z", "interval": "hour"}
    assert [bucket["count"] for bucket in ask(**query).json()] == [2]


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ({"from": "2026-01-31", "to": "2026-01-30"}, 400, "from must not be later than to"),
        ({"from": "2026-01-30T12:00:00Z", "interval": "second"}, 400, "from 2026-01-30T12:00"),
        ({"from": "1971-01-01", "interval": "hour"}, 400, "from 1971"),
        ({"interval": "fortnight"}, 400, "interval must be one of year, month, week, day"),
        ({"from": "soon"}, 400, "from must be a date or time"),
        ({"accountIds[]": "0"}, 403, "accountIds[] names an account"),
        ({"accountIds[]": "x"}, 400, "accountIds[] must be a whole number"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_counted(
    ask: Callable[..., Any], query: dict[str, str], status: int, named: str, kind: str
) -> None:
    answer = ask(kind, **query)
    assert answer.status_code == status
    assert answer.json()["message"].startswith(named)
    assert answer.json()["requestId"]


def test_by_instance_with_what_arrived_and_what_failed(
    organization: NewOrganization,
    ask: Callable[..., Any],
    new_receiver: Callable[[], Receiver],
) -> None:
    good, bad = new_receiver(), new_receiver()
    bad.always(500)
    sound = new_instance(organization.organization, url=good.url)
    failing = new_instance(organization.organization, url=bad.url)
    silent = new_instance(organization.organization)
    with time_machine.travel(NOON, tick=False):
        for one in (sound, sound, failing, silent):
            record(one)
        deliver_all_due()

    (today,) = ask("/instances", **{"from": "2026-01-31"}).json()

    assert (today["count"], today["total"]) == (4, 4)
    assert today["records"] == [
        {"instanceId": sound.pk, "count": 2, "success": 2, "failed": 0},
        {"instanceId": failing.pk, "count": 1, "success": 0, "failed": 1},
        {"instanceId": silent.pk, "count": 1, "success": 0, "failed": 0},
    ]


def test_by_account(organization: NewOrganization, ask: Callable[..., Any]) -> None:
    own = organization.organization
    first, second = (new_instance(own) for _ in range(2))
    other = new_instance(own)
    branch = Account.objects.create(organization=own, name="A branch", external_id="branch")
    User.objects.filter(pk=other.user_id).update(account=branch)
    recorded_at(first, NOON)
    recorded_at(second, NOON)
    recorded_at(other, NOON)

    (today,) = ask("/accounts", **{"from": "2026-01-31"}).json()

    default = own.default_account.pk
    assert today["total"] == 3
    assert [(one["accountId"], one["count"]) for one in today["records"]] == sorted(
        [(default, 2), (branch.pk, 1)]
    )
    only = {"from": "2026-01-31", "accountIds[]": [str(branch.pk)]}
    assert ask(**only).json()[0]["count"] == 1
    assert [one["instanceId"] for one in ask("/instances", **only).json()[0]["records"]] == [
        other.pk
    ]
    both = {"from": "2026-01-31", "accountIds[]": [str(branch.pk), str(default)]}
    assert ask(**both).json()[0]["count"] == 3


def test_another_organizations_account_is_403(ask: Callable[..., Any]) -> None:
    foreign = new_instance().organization.default_account.pk
    assert ask(**{"accountIds[]": [str(foreign)]}).status_code == 403


def test_an_element_token_counts_its_instance(
    organization: NewOrganization, client_for: ClientFor, instance: ElementInstance
) -> None:
    recorded_at(instance, NOON)
    recorded_at(new_instance(organization.organization), NOON)
    client = client_for(organization, instance.token)
    with time_machine.travel(NOON, tick=False):
        (today,) = client.get(ANALYTICS, {"from": "2026-01-31"}).json()
    assert today["count"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_queries_for_many_events_as_for_one(
    instance: ElementInstance, ask: Callable[..., Any], kind: str
) -> None:
    recorded_at(instance, NOON)
    with CaptureQueriesContext(connection) as one:
        ask(kind)
    recorded_at(instance, *[NOON] * 30)
    with CaptureQueriesContext(connection) as many:
        ask(kind)
    assert len(many) == len(one)


def test_dispositions_say_what_became_of_each(
    organization: NewOrganization, client_for: ClientFor, receiver: Receiver
) -> None:
    receiver.always(500)
    instance = new_instance(organization.organization, url=receiver.url)
    record(instance)
    deliver_all_due()
    receiver.always(200)
    Delivery.objects.update(next_attempt_at=NOON)
    deliver_all_due()
    client = client_for(organization)

    (found,) = client.get("/elements/api-v2/instances/events/dispositions").json()

    assert found["eventId"] == str(Event.objects.get().pk)
    assert found["elementInstanceId"] == instance.pk
    assert [one["message"] for one in found["notificationData"]] == [
        "Error delivering event, attempt 1: answered 500",
        "Delivered event, attempt 2: answered 200",
    ]
