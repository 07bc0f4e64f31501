"""A clock that ran ahead and was set right keeps nothing from being polled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from polling.claim import claim_due
from polling.models import PollingResource, PutAsideObject
from polling.recall import recall
from polling.tasks import poll_all_due

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

    assert recall(timezone.now()) == 1
    assert recall(timezone.now()) == 0
    poll_all_due()
    assert told(resource) == [("a", "CREATED")]


def test_a_worker_that_died_with_such_a_lease_holds_nothing(resource: PollingResource) -> None:
    with ahead(YEAR):
        assert claim_due(10, timezone.now())
    assert not due()
    assert recall(timezone.now()) == 1
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

    recall(timezone.now())
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
    assert recall(now) == 0


def test_a_clock_that_is_behind_recalls_nothing(resource: PollingResource) -> None:
    """By it, everything would seem to be put off: PostgreSQL's is asked as well."""
    with ahead(-YEAR):
        assert recall(timezone.now()) == 0
