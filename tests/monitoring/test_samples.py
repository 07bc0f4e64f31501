"""What the worker counts once a minute, and the hosts that it runs on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.provision import NewOrganization
from events.models import DeliveryAttempt, Event
from instances.models import ElementInstance
from monitoring import sample
from monitoring.models import Sample
from polling.models import PollingResource
from tests.administration.world import World

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)
WITHIN = NOW - timedelta(seconds=50)  # the minute before


@pytest.fixture
def world(organization: NewOrganization) -> World:
    made = World(organization)
    made.fill(3)
    return made


def test_a_sample_counts_what_happened_in_its_minute(world: World) -> None:
    sample.take(NOW - MINUTE)  # attempts are counted from here
    polled, failed, earlier = PollingResource.objects.order_by("pk")
    PollingResource.objects.filter(pk=earlier.pk).update(last_polled_at=NOW - 3 * MINUTE)
    PollingResource.objects.filter(pk=polled.pk).update(last_polled_at=WITHIN, failures=0)
    PollingResource.objects.filter(pk=failed.pk).update(last_polled_at=WITHIN, failures=2)
    first = Event.objects.order_by("pk")[0]
    Event.objects.filter(pk=first.pk).update(created_at=WITHIN)
    Event.objects.exclude(pk=first.pk).update(created_at=NOW - 3 * MINUTE)
    delivery = DeliveryAttempt.objects.order_by("pk")[0].delivery
    for number, status in ((8, 200), (9, 500), (10, None)):
        DeliveryAttempt.objects.create(
            delivery=delivery, number=number, started_at=WITHIN, duration_ms=1, status_code=status
        )
    lost, disabled, _ = ElementInstance.objects.order_by("pk")
    ElementInstance.objects.filter(pk=lost.pk).update(valid=False)
    ElementInstance.objects.filter(pk=disabled.pk).update(enabled=False)

    taken = sample.take(NOW)

    assert taken is not None
    assert taken.at == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
    assert (taken.connected, taken.lost, taken.disabled) == (1, 1, 1)
    assert (taken.polls, taken.failed_polls, taken.events) == (2, 1, 1)
    assert (taken.attempts, taken.failed_attempts) == (3, 2)


def test_the_first_sample_counts_the_attempts_of_its_minute(world: World) -> None:
    DeliveryAttempt.objects.update(started_at=NOW - timedelta(days=1))
    recent = DeliveryAttempt.objects.order_by("pk")[0]
    DeliveryAttempt.objects.filter(pk=recent.pk).update(started_at=WITHIN, status_code=200)
    taken = sample.take(NOW)
    assert taken is not None
    assert (taken.attempts, taken.failed_attempts) == (1, 0)


def test_of_two_samples_of_a_minute_one_is_kept(world: World) -> None:
    assert sample.take(NOW) is not None
    assert sample.take(NOW + timedelta(seconds=20)) is None
    assert Sample.objects.count() == 1


def test_old_samples_are_removed(world: World) -> None:
    sample.take(NOW)
    sample.take(NOW + sample.KEPT + 2 * MINUTE)
    assert Sample.objects.count() == 1


def test_samples_are_summed_by_steps_and_gaps_are_empty(db: None) -> None:
    for minutes, polls in ((1, 5), (2, 7), (40, 11), (70, 100)):
        at = NOW.replace(second=0) - minutes * MINUTE
        Sample.objects.create(at=at, polls=polls, failed_polls=1)
    found = sample.sums(15 * MINUTE, 4, NOW)
    assert [one.polls for one in found] == [0, 11, 0, 12]
    assert found[-1].failed_polls == 2
    assert found[-1].begins == datetime(2026, 3, 1, 11, 45, tzinfo=UTC)
