"""With the quota used up polls wait, calls are told when to come again, and nothing fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import RoleGrant
from accounts.provision import NewOrganization
from elements import built_in
from integrations.gmail.element import ELEMENT
from integrations.gmail.units import QUOTA
from polling.models import PollingResource, PollRun, PutAsideObject
from quota import meter
from quota.models import QuotaBucket
from quota.purse import Purse
from tests.all_due import poll_all_due
from tests.conftest import ClientFor
from tests.end_to_end.line import API, Line
from transport.types import Bucket

Limit = Callable[..., None]


@pytest.fixture
def limit(connected: Line, monkeypatch: pytest.MonkeyPatch) -> Limit:
    """Sets the limits of an account and a project; nothing is held or drawn yet. So does the
    provider, who counts by itself."""

    def limited(account: int = 6_000, project: int = 60_000) -> None:
        quota = replace(QUOTA, account=Bucket(account), project=Bucket(project))
        monkeypatch.setitem(built_in.elements(), "gmail", replace(ELEMENT, quota=quota))
        monkeypatch.setattr(meter, "purse", Purse())
        QuotaBucket.objects.all().delete()
        connected.control.set_quota(
            enforced=True, per_user_per_minute=account, per_project_per_minute=project
        )
        connected.control.advance_clock(60)

    return limited


@pytest.fixture
def client(connected: Line, organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization, connected.instance["token"])


def calls_refused(line: Line) -> int:
    return int(line.control.quota()["calls_refused"])


def units(line: Line) -> dict[str, Any]:
    answer = line.api.get(f"{API}{line.path}/usage/units")
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_poll_reads_as_much_as_there_are_units_for_and_the_rest_later(
    connected: Line, limit: Limit
) -> None:
    limit(account=110)
    connected.control.deliver_many(8)

    first = connected.poll()
    assert (first["created"], first["putAside"], first["error"]) == (5, 3, None)
    waiting = PutAsideObject.objects.all()
    assert all(one.attempts == 0 and not one.error for one in waiting)
    assert all(one.next_try_at > timezone.now() for one in waiting)
    assert PollRun.objects.latest("pk").units == 102

    limit(account=110)  # another minute
    waiting.update(next_try_at=timezone.now())
    PollingResource.objects.update(put_aside_due_at=timezone.now())
    assert connected.poll()["created"] == 3
    assert calls_refused(connected) == 0


def test_a_poll_without_units_is_put_off_and_no_failure(connected: Line, limit: Limit) -> None:
    limit(project=1)
    PollingResource.objects.update(next_poll_at=timezone.now())
    before = PollingResource.objects.get()

    poll_all_due()

    row = PollingResource.objects.get()
    assert (row.failures, row.error, row.cursor) == (0, "", before.cursor)
    assert row.lease_id is None
    assert row.units_awaited_until == row.next_poll_at
    assert row.next_poll_at > timezone.now()
    assert connected.poll()["status"] == "waiting"
    [waiting] = connected.api.get(f"{API}{connected.path}/polls").json()["resources"]
    assert waiting["waitsForUnitsUntilDate"] == waiting["nextPollDate"]
    assert [one["resource"] for one in units(connected)["waiting"]] == ["changed-messages"]

    limit()
    connected.control.deliver_many(1)
    assert connected.poll()["created"] == 1
    assert PollingResource.objects.get().units_awaited_until is None


def test_a_call_without_units_is_told_when_there_are_some(
    connected: Line, limit: Limit, client: APIClient
) -> None:
    limit(account=1_000)
    assert client.get(f"{API}/profile").status_code == 200
    limit(account=4)  # a list costs 5
    answer = client.get(f"{API}/messages")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer.json()["message"].startswith("the provider's quota is used up for now")
    assert client.get(f"{API}/profile").status_code == 200  # costs less
    assert calls_refused(connected) == 0


def test_what_the_provider_refuses_stops_all_until_it_says(
    connected: Line, limit: Limit, client: APIClient
) -> None:
    limit()
    connected.control.add_fault({"path": "/gmail"}, {"status": 429, "retry_after": "50"})
    assert client.get(f"{API}/labels").status_code == 429
    answer = client.get(f"{API}/profile")  # not even asked
    assert answer.status_code == 429
    assert 40 <= int(answer["Retry-After"]) <= 50
    assert connected.poll()["status"] == "waiting"
    assert units(connected)["account"]["closedUntilDate"]


def test_what_was_used_is_shown_with_a_forecast(
    connected: Line, limit: Limit, client: APIClient
) -> None:
    limit()
    connected.control.deliver_many(2)
    PollingResource.objects.update(units_today=0)
    connected.poll()
    connected.poll()
    client.get(f"{API}/messages")

    shown = units(connected)
    account, project = shown["account"], shown["project"]
    assert account["today"]["polls"] == 2 + 40 + 2
    assert account["today"]["calls"] == 5
    assert account["today"]["used"] == 49
    assert account["today"]["forecast"] > 49
    assert account["minute"]["limit"] == 6_000
    assert project["minute"]["used"] >= 49

    RoleGrant.objects.all().delete()
    assert units(connected)["project"] is None  # for administrators only
