"""Who has lost the lease stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from elements.calls import Change, Changes, ChangeType, Unfetched
from events.models import Event
from instances.models import ElementInstance
from polling.claim import LEASE, ClaimedResource, claim_due
from polling.commit import commit
from polling.models import PolledObject, PollingResource, PollRun, PutAsideObject
from polling.poll import Failed, Outcome, Succeeded

from .ledger import Ledger
from .telling import told

pytestmark = pytest.mark.django_db
CHANGE = Change("a", ChangeType.CREATED, {"id": "a"}, "v1")


@pytest.fixture
def claimed(resource: PollingResource) -> ClaimedResource:
    PollingResource.objects.update(next_poll_at=timezone.now())
    PollRun.objects.all().delete()
    return claim_due(1, timezone.now())[0]


def found(claimed: ClaimedResource) -> Outcome:
    changes = Changes((CHANGE,), "1", unfetched=(Unfetched("b", ChangeType.CREATED),))
    return Succeeded(claimed, timezone.now(), changes)


def nothing(claimed: ClaimedResource) -> Outcome:
    return Succeeded(claimed, timezone.now(), Changes((), "1"))


def failed(claimed: ClaimedResource) -> Outcome:
    return Failed(claimed, timezone.now(), "late")


def taken_over(claimed: ClaimedResource) -> None:
    assert claim_due(1, timezone.now() + LEASE)


def deactivated(claimed: ClaimedResource) -> None:
    PollingResource.objects.update(active=False)


def deleted(claimed: ClaimedResource) -> None:
    ElementInstance.objects.all().delete()


@pytest.mark.parametrize("outcome", [found, nothing, failed])
@pytest.mark.parametrize("lose", [taken_over, deactivated, deleted])
def test_a_late_commit_is_dropped_whole(
    claimed: ClaimedResource,
    outcome: Callable[[ClaimedResource], Outcome],
    lose: Callable[[ClaimedResource], None],
) -> None:
    lose(claimed)
    before = list(PollingResource.objects.values())
    commit(outcome(claimed), timezone.now())
    assert list(PollingResource.objects.values()) == before
    for model in (Event, PolledObject, PutAsideObject, PollRun):
        assert model._default_manager.count() == 0


def test_the_same_commit_twice_is_stored_once(
    claimed: ClaimedResource, resource: PollingResource
) -> None:
    done = found(claimed)
    reports = [commit(done, timezone.now()) for _ in range(2)]
    assert [report and report.status for report in reports] == ["found", "dropped"]
    assert told(resource) == [("a", "CREATED")]


def test_who_took_over_finds_the_same_and_tells_it_once(
    claimed: ClaimedResource, resource: PollingResource, ledger: Ledger
) -> None:
    [theirs] = claim_due(1, timezone.now() + LEASE + timedelta(seconds=1))
    commit(found(claimed), timezone.now())
    commit(found(theirs), timezone.now())
    assert told(resource) == [("a", "CREATED")]
