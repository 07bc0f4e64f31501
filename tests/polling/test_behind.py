"""While there is more to read, the row keeps when all had been read: a gap would begin there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from elements.calls import Changes
from polling.claim import claim_due
from polling.commit import commit
from polling.models import PollingResource
from polling.poll import Succeeded
from tests.polling.ledger import Ledger
from tests.polling.telling import poll, told

pytestmark = pytest.mark.django_db


def part(cursor: str, *, more: bool) -> datetime:
    """A poll that gets as far as the cursor; when it began."""
    PollingResource.objects.update(next_poll_at=timezone.now())
    [claimed] = claim_due(1, timezone.now())
    began = timezone.now()
    commit(Succeeded(claimed, began, Changes((), cursor, more=more)), began)
    return began


def test_a_poll_that_leaves_more_to_read_keeps_the_time_of_the_last_that_left_nothing(
    resource: PollingResource,
) -> None:
    complete = part("1", more=False)
    part("2", more=True)
    latest = part("3", more=True)
    resource.refresh_from_db()
    assert (resource.behind_since, resource.last_success_at) == (complete, latest)
    complete = part("4", more=False)
    resource.refresh_from_db()
    assert (resource.behind_since, resource.last_success_at) == (None, complete)


def test_an_idle_poll_ends_it(resource: PollingResource, ledger: Ledger) -> None:
    part("0", more=True)
    poll(resource)
    assert resource.behind_since is None


def test_a_gap_reaches_back_to_where_all_had_been_read(
    resource: PollingResource, ledger: Ledger
) -> None:
    """What was left unread is as unknown as what came after it."""
    ledger.add("a")
    ledger.oldest = 1
    long_ago = timezone.now() - timedelta(days=3)
    PollingResource.objects.update(
        cursor="0", behind_since=long_ago, last_success_at=timezone.now()
    )
    poll(resource)
    assert told(resource) == [("a", "CREATED")]
    gap = resource.runs.latest("pk").gap_seconds
    assert gap is not None
    assert gap >= timedelta(days=3).total_seconds() - 1
