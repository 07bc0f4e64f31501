"""A clock that ran ahead and was set right keeps nothing from being polled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from polling.claim import claim_due
from polling.models import PollingResource, PutAsideObject
from polling.waits import WAITS
from retention.recall import recall
from tests.all_due import poll_all_due

from .ledger import Ledger
from .telling import told

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)


def ahead(by: timedelta) -> Any:
    return time_machine.travel(timezone.now() + by, tick=False)


def due(later: timedelta = timedelta(minutes=2)) -> bool:
    """Whether it is polled once its interval is over."""
    return bool(claim_due(10, timezone.now() + later))


@pytest.mark.parametrize("by", [timedelta(hours=2), YEAR])
def test_what_was_put_off_is_polled_again(
    resource: PollingResource, ledger: Ledger, by: timedelta
) -> None:
    with ahead(by):
        poll_all_due()
    ledger.add("a")
    assert not due()

    assert recall(WAITS) == 1
    assert recall(WAITS) == 0
    poll_all_due()
    assert told(resource) == [("a", "CREATED")]


def test_a_worker_that_died_with_such_a_lease_holds_nothing(resource: PollingResource) -> None:
    with ahead(YEAR):
        assert claim_due(10, timezone.now())
    assert not due()
    assert recall(WAITS) == 1
    assert due()


def test_what_was_put_aside_by_such_a_clock_is_tried_again(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    ledger.poisoned.add("a")
    with ahead(YEAR):
        poll_all_due()
    assert PutAsideObject.objects.get().attempts == 1
    ledger.poisoned.clear()

    recall(WAITS)
    poll_all_due()
    assert told(resource) == [("a", "CREATED")]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"interval": 999_999_999 * 60 // 28, "next_poll_at": timedelta(days=20_000)},
        {"failures": 3, "next_poll_at": timedelta(days=1)},
        {"next_poll_at": timedelta(minutes=15)},  # waits for units
        {"lease_until": timedelta(minutes=1)},
        {"put_aside_due_at": timedelta(days=1)},
        {"active": False, "next_poll_at": YEAR},
    ],
    ids=["due", "parked", "as the provider asked", "for units", "held", "put aside", "off"],
)
def test_nothing_else_is_recalled(resource: PollingResource, columns: dict[str, Any]) -> None:
    now = timezone.now()
    PollingResource.objects.update(
        **{
            name: now + value if isinstance(value, timedelta) else value
            for name, value in columns.items()
        }
    )
    assert recall(WAITS) == 0


@pytest.mark.parametrize("by", [-YEAR, YEAR], ids=["behind", "ahead"])
def test_the_clock_of_who_looks_says_nothing(resource: PollingResource, by: timedelta) -> None:
    with ahead(by):
        assert recall(WAITS) == 0


def test_a_hint_of_next_year_puts_nothing_off_again(resource: PollingResource) -> None:
    """A poll is due when the provider hinted at changes after it began."""
    with ahead(YEAR):
        PollingResource.objects.update(told_at=timezone.now(), next_poll_at=timezone.now())
    recall(WAITS)
    poll_all_due()
    poll_all_due()
    assert PollingResource.objects.get().next_poll_at < timezone.now() + timedelta(days=1)
