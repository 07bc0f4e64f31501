"""The latest 1,000 deliveries for seven days, whatever comes at once or is killed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from inbox import keep as keeping
from inbox.addresses import inbox_of
from inbox.keep import KEPT_FOR, Arrived, keep, kept_of
from inbox.models import Inbox, InboxDelivery
from inbox.tasks import remove_old_deliveries
from tests.events.found import new_instance
from worker.schedules import wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return new_instance().organization


def arrive(inbox: Inbox, at: datetime | None = None) -> InboxDelivery:
    kept = keep(inbox, Arrived(at or timezone.now(), [], b"{}", []))
    assert kept is not None
    return kept


def numbers(organization: Organization) -> list[int]:
    return [one.number for one in kept_of(organization.default_account, timezone.now())]


def test_the_oldest_makes_room_for_the_newest(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_KEPT", 3)
    other = inbox_of(new_instance().organization.default_account)
    arrive(other)
    for _ in range(5):
        arrive(inbox_of(organization.default_account))
    assert numbers(organization) == [5, 4, 3]
    assert InboxDelivery.objects.count() == 4  # the other's is still there


def test_what_is_a_week_old_is_neither_shown_nor_kept(organization: Organization) -> None:
    now = timezone.now()
    arrive(inbox_of(organization.default_account), now - KEPT_FOR + timedelta(minutes=1))
    arrive(inbox_of(organization.default_account), now)
    assert numbers(organization) == [2, 1]
    with time_machine.travel(now + timedelta(minutes=2), tick=False):
        assert numbers(organization) == [2]
        assert remove_old_deliveries() == 1
    assert [one.number for one in InboxDelivery.objects.all()] == [2]


def test_a_schedule_removes_what_is_old() -> None:
    assert "inbox.tasks.remove_old_deliveries" in {schedule.task for schedule in wanted()}


def test_killed_before_its_commit_it_has_not_arrived(organization: Organization) -> None:
    arrive(inbox_of(organization.default_account))
    with transaction.atomic():
        arrive(inbox_of(organization.default_account))
        transaction.set_rollback(True)
    assert numbers(organization) == [1]
    assert (
        arrive(inbox_of(organization.default_account)).number == 2
    )  # what is sent again is the next


def test_an_inbox_that_has_gone_takes_nothing(organization: Organization) -> None:
    inbox = inbox_of(organization.default_account)
    Inbox.objects.all().delete()
    assert keep(inbox, Arrived(timezone.now(), [], b"{}", [])) is None
