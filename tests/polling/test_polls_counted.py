"""Each poll is counted once, by its element and outcome, without a statement of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from polling.models import PollingResource
from tests.all_due import poll_all_due
from tests.counters.stored import from_now_on

from .conftest import Connect
from .ledger import LedgerServer

pytestmark = pytest.mark.django_db
POLLS = "periodic_polls_total"
DELAYED = "periodic_poll_delay_seconds_bucket"


@pytest.fixture
def due(connect: Connect, provider: LedgerServer) -> None:
    """Six started resources, due for twenty seconds: one has news, one fails."""
    for number in range(6):
        connect(f"account-{number}")
    PollingResource.objects.update(cursor="0", next_poll_at=timezone.now() - timedelta(seconds=20))
    provider.ledgers["account-1"].add("a")
    provider.ledgers["account-2"].faults = [500] * 9


def test_polls_are_counted_by_outcome(due: None) -> None:
    counted = from_now_on()
    poll_all_due()
    assert counted(POLLS) == {
        ("ledger", "idle"): 4.0,
        ("ledger", "found"): 1.0,
        ("ledger", "failed"): 1.0,
    }
    delays = counted(DELAYED)
    assert (delays.get(("10.0",), 0.0), delays[("30.0",)], delays[("+Inf",)]) == (0.0, 6.0, 6.0)


def test_counting_adds_no_statement(due: None) -> None:
    with CaptureQueriesContext(connection) as statements:
        poll_all_due()
    assert statements.captured_queries
    assert not [one for one in statements.captured_queries if "counters_" in one["sql"]]
