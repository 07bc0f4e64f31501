"""Polls that find something are stored many in one transaction, each whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.utils import timezone

from elements.calls import Change, Changes, ChangeType, Unfetched
from events.models import Delivery, Event, Subscription
from events.order import take_turn
from instances.models import ElementInstance
from polling import store
from polling.claim import ClaimedResource, claim_due
from polling.commit import commit_many
from polling.models import PolledObject, PollingResource, PollRun, PutAsideObject
from polling.poll import Failed, Succeeded
from tests.all_due import poll_all_due
from tests.patience import PATIENCE

from .conftest import Connect
from .ledger import LedgerServer
from .telling import told

pytestmark = pytest.mark.django_db
NUMBER = 6
URL = "http://127.0.0.1:9/callback"


@pytest.fixture
def resources(connect: Connect) -> list[PollingResource]:
    """Due and started, each of an account of its own with a callback."""
    for number in range(NUMBER):
        instance = connect(f"account-{number}")
        Subscription.objects.create(
            organization=instance.organization, instance=instance, url=URL, origin=URL
        )
    PollingResource.objects.update(cursor="0", next_poll_at=timezone.now())
    return list(PollingResource.objects.order_by("pk"))


def claimed() -> list[ClaimedResource]:
    return sorted(claim_due(NUMBER, timezone.now()))


def found(resource: ClaimedResource, *ids: str) -> Succeeded:
    """Two changes of the account, unless they are named."""
    names = ids or (f"a-{resource.id}", f"b-{resource.id}")
    changes = tuple(Change(id_, ChangeType.CREATED, {"id": id_}, "v1") for id_ in names)
    return Succeeded(resource, timezone.now(), Changes(changes, "1"))


def expected(resource: PollingResource) -> list[tuple[str, str]]:
    return [(f"a-{resource.pk}", "CREATED"), (f"b-{resource.pk}", "CREATED")]


def test_each_ones_events_runs_objects_and_cursor_are_its_own(
    resources: list[PollingResource],
) -> None:
    reports = commit_many([found(one) for one in claimed()], timezone.now())

    assert [report and (report.status, report.created) for report in reports] == [
        ("found", 2)
    ] * NUMBER
    for resource, report in zip(resources, reports, strict=True):
        resource.refresh_from_db()
        event = Event.objects.get(instance_id=resource.instance_id)
        assert report is not None
        assert report.events == (event.pk,)
        assert told(resource) == expected(resource)
        assert (resource.cursor, resource.lease_id, resource.failures) == ("1", None, 0)
        run = PollRun.objects.get(resource=resource)
        assert (run.pk, run.found, run.cursor_before, run.cursor_after) == (
            event.poll_run,
            2,
            "0",
            "1",
        )
        delivery = Delivery.objects.get(event=event)
        assert delivery.subscription.instance_id == resource.instance_id
        assert delivery.organization_id == resource.organization_id
        assert set(
            PolledObject.objects.filter(resource=resource).values_list("object_id", flat=True)
        ) == {f"a-{resource.pk}", f"b-{resource.pk}"}


def test_what_one_has_told_is_news_of_another(resources: list[PollingResource]) -> None:
    first, *others = claimed()
    commit_many([found(first, "same")], timezone.now())
    PollingResource.objects.filter(pk=first.id).update(next_poll_at=timezone.now())
    [again] = claim_due(1, timezone.now())

    reports = commit_many([found(one, "same") for one in (again, *others)], timezone.now())

    assert [report and report.created for report in reports] == [0, *[1] * (NUMBER - 1)]


def test_failures_stand_among_them(resources: list[PollingResource]) -> None:
    first, second, *others = claimed()

    reports = commit_many(
        [found(first), Failed(second, timezone.now(), "late"), *map(found, others)],
        timezone.now(),
    )

    assert [report and report.status for report in reports] == [
        "found",
        "failed",
        *["found"] * (NUMBER - 2),
    ]
    failing = PollingResource.objects.get(pk=second.id)
    assert (failing.failures, failing.error, failing.cursor, failing.lease_id) == (
        1,
        "late",
        "0",
        None,
    )
    assert [told(one) for one in resources] == [
        [] if one.pk == second.id else expected(one) for one in resources
    ]


def test_one_whose_lease_is_lost_is_dropped_and_the_others_are_stored(
    resources: list[PollingResource],
) -> None:
    held = claimed()
    PollingResource.objects.filter(pk=held[2].id).update(lease_id=None, lease_until=None)
    [theirs] = claim_due(1, timezone.now())

    reports = commit_many([*map(found, held), found(theirs, "theirs")], timezone.now())

    statuses = [report and report.status for report in reports]
    assert statuses == ["found", "found", "dropped", "found", "found", "found", "found"]
    assert told(resources[2]) == [("theirs", "CREATED")]


def test_one_that_is_deleted_is_dropped(resources: list[PollingResource]) -> None:
    held = claimed()
    PollingResource.objects.filter(pk=held[0].id).delete()
    ElementInstance.objects.filter(pk=held[1].instance_id).delete()

    reports = commit_many([found(one) for one in held], timezone.now())

    assert [report and report.status for report in reports] == [
        "dropped",
        "dropped",
        *["found"] * (NUMBER - 2),
    ]
    assert Event.objects.count() == NUMBER - 2


class Killed(BaseException):
    """What nothing catches, like the end of the process."""


@pytest.mark.parametrize(
    "step", ["PutAside.store", "runs.write", "record_found", "rows.move", "rows.fail"]
)
def test_killed_within_the_transaction_none_is_stored(
    resources: list[PollingResource], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    held = claimed()
    before = list(PollingResource.objects.order_by("pk").values())

    def crash(*_: object, **__: object) -> None:
        raise Killed

    monkeypatch.setattr(f"polling.commit.{step}", crash)
    with pytest.raises(Killed):
        commit_many([found(one) for one in held], timezone.now())

    assert list(PollingResource.objects.order_by("pk").values()) == before
    for model in (Event, Delivery, PolledObject, PutAsideObject, PollRun):
        assert model._default_manager.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("unstorable", ["x" * 501, "nul \0 byte", "half \ud800 of a pair"])
def test_one_that_cannot_be_stored_fails_by_itself(
    resources: list[PollingResource], provider: LedgerServer, unstorable: str
) -> None:
    for number, resource in enumerate(resources):
        provider.ledgers[f"account-{number}"].add(f"a-{resource.pk}", f"b-{resource.pk}")
    held = claimed()
    outcomes: list[store.Changed] = [found(one) for one in held]
    outcomes[3] = found(held[3], unstorable)

    reports = async_to_sync(store.store_many)(outcomes)

    statuses = ["found", "found", "found", "failed", "found", "found"]
    assert [report and report.status for report in reports] == statuses
    for place, resource in enumerate(resources):
        resource.refresh_from_db()
        assert resource.lease_id is None
        assert told(resource) == ([] if place == 3 else expected(resource))
    assert "could not be stored" in resources[3].error
    assert resources[3].cursor == "0"


@pytest.mark.django_db(transaction=True)
def test_one_whose_failure_cannot_be_stored_either_is_left_to_its_lease(
    resources: list[PollingResource],
) -> None:
    held = claimed()
    outcomes: list[store.Changed] = [found(one) for one in held]
    outcomes[3] = Failed(held[3], timezone.now(), "nul \0 byte")
    before = PollingResource.objects.filter(pk=held[3].id).values().get()

    reports = async_to_sync(store.store_many)(outcomes)

    statuses = ["found", "found", "found", "dropped", "found", "found"]
    assert [report and report.status for report in reports] == statuses
    assert PollingResource.objects.filter(pk=held[3].id).values().get() == before


def test_an_engine_stores_what_it_has_found_together(
    resources: list[PollingResource], provider: LedgerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, resource in enumerate(resources):
        provider.ledgers[f"account-{number}"].add(f"a-{resource.pk}", f"b-{resource.pk}")
    monkeypatch.setattr(store, "GATHERING", 0.5)
    sizes: list[int] = []

    def counted(outcomes: list[store.Changed], *given: Any, **named: Any) -> object:
        sizes.append(len(outcomes))
        return commit_many(outcomes, *given, **named)

    monkeypatch.setattr(store, "commit_many", counted)
    poll_all_due()

    assert sum(sizes) == NUMBER
    assert max(sizes) > 1
    assert [told(one) for one in resources] == [expected(one) for one in resources]


# --- What somebody else has locked ---------------------------------------------------------------


@contextmanager
def held_elsewhere(lock: Callable[[], object]) -> Iterator[None]:
    """Runs `lock` in a transaction of another connection that lasts until the block ends."""
    locked, end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                lock()
                locked.set()
                assert end.wait(PATIENCE)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(PATIENCE)
        yield
    finally:
        end.set()
        thread.join(PATIENCE)


def lock_instance(resource: PollingResource) -> None:
    list(ElementInstance.objects.select_for_update(no_key=True).filter(pk=resource.instance_id))


def lock_subscription(resource: PollingResource) -> None:
    rows = Subscription.objects.select_for_update(no_key=True)
    list(rows.filter(instance_id=resource.instance_id))


def lock_row(resource: PollingResource) -> None:
    list(PollingResource.objects.select_for_update().filter(pk=resource.pk))


def take_its_turn(resource: PollingResource) -> None:
    take_turn(Subscription.objects.get(instance_id=resource.instance_id).pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lock", [lock_instance, lock_subscription, lock_row, take_its_turn])
def test_what_somebody_has_locked_is_handed_back_and_holds_up_no_other(
    resources: list[PollingResource], lock: Callable[[PollingResource], None]
) -> None:
    Subscription.objects.update(ordered=lock is take_its_turn)
    held = claimed()
    outcomes = [found(one) for one in held]
    with held_elsewhere(lambda: lock(resources[1])):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '5s'")  # it would wait for ever
        reports = commit_many(outcomes, timezone.now())

    assert [report and report.status for report in reports] == [
        "found",
        None,
        *["found"] * (NUMBER - 2),
    ]
    assert told(resources[1]) == []
    assert PollingResource.objects.get(pk=held[1].id).lease_id == held[1].lease_id

    [report] = commit_many([outcomes[1]], timezone.now())
    assert report is not None
    assert report.status == "found"
    assert told(resources[1]) == expected(resources[1])


# --- What a changed poll costs -------------------------------------------------------------------

STATEMENTS = 15  # of one transaction, however many polls it stores


def test_the_statements_do_not_grow_with_the_polls(
    resources: list[PollingResource], django_assert_max_num_queries: Any
) -> None:
    held = claimed()
    with django_assert_max_num_queries(STATEMENTS):
        commit_many([found(one) for one in held], timezone.now())


def test_what_is_put_aside_is_stored_with_each_ones_cursor(
    resources: list[PollingResource],
) -> None:
    held = claimed()
    outcomes = [
        Succeeded(
            one,
            timezone.now(),
            Changes((), "1", unfetched=(Unfetched(f"c-{one.id}", ChangeType.CREATED),)),
        )
        for one in held
    ]

    reports = commit_many(outcomes, timezone.now())

    assert [report and (report.put_aside, report.more) for report in reports] == [
        (1, True)
    ] * NUMBER
    assert {
        (one.resource_id, one.object_id, one.change_type) for one in PutAsideObject.objects.all()
    } == {(one.id, f"c-{one.id}", "CREATED") for one in held}
    for resource in resources:
        resource.refresh_from_db()
        assert resource.cursor == "1"
        assert resource.put_aside_due_at is not None
