"""Polls that fail for most accounts of an element at once are an alarm; those of one are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.provision import NewOrganization
from monitoring import checks, sample
from polling.models import PollingResource
from tests.administration.world import World

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def resources(organization: NewOrganization) -> list[int]:
    """Twelve polled resources, none of which fails."""
    World(organization).fill(12)
    PollingResource.objects.update(
        last_polled_at=NOW - 2 * MINUTE, next_poll_at=NOW + MINUTE, failures=0, active=True
    )
    return list(PollingResource.objects.order_by("pk").values_list("pk", flat=True))


def fail(resources: list[int], **columns: datetime) -> None:
    PollingResource.objects.filter(pk__in=resources).update(failures=3, **columns)


def alarm() -> str:
    sample.take(NOW)
    return checks.faults(NOW).get("failing-polls", "")


def test_half_of_an_elements_resources_are_an_alarm(resources: list[int]) -> None:
    fail(resources[:6])
    assert alarm() == "polls fail for most at once: 6 of 12 resources of gmail"


def test_fewer_are_none(resources: list[int]) -> None:
    fail(resources[:5])
    assert alarm() == ""


def test_those_of_few_accounts_are_none(resources: list[int]) -> None:
    PollingResource.objects.filter(pk__in=resources[9:]).delete()
    fail(resources[:9])
    assert alarm() == ""


def test_what_fails_counts_between_its_polls_too(resources: list[int]) -> None:
    fail(resources, last_polled_at=NOW - 50 * MINUTE)
    assert alarm() == "polls fail for most at once: 12 of 12 resources of gmail"


def test_what_is_polled_no_more_does_not_count(resources: list[int]) -> None:
    fail(resources, last_polled_at=NOW - 50 * MINUTE)
    PollingResource.objects.update(active=False)
    assert alarm() == ""


def test_a_sample_of_long_ago_is_no_alarm(resources: list[int]) -> None:
    fail(resources)
    sample.take(NOW)
    assert "failing-polls" in checks.faults(NOW)
    assert "failing-polls" not in checks.faults(NOW + 7 * MINUTE)


def test_private_elements_are_their_makers_own(resources: list[int]) -> None:
    from instances.models import ElementInstance

    ElementInstance.objects.update(element_key="made-by-a-customer")
    fail(resources)
    assert alarm() == ""
    assert sample.by_element(NOW) == {}
