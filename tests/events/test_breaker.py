"""A server that doesn't answer is left alone for a while, and costs nobody slots or retries."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone

from events import backlog, breaker, claim
from events.breaker import BACKOFF, OPEN_AFTER
from events.claim import LEASE, claim_probes, due_subscriptions
from events.models import Delivery, DeliveryAttempt, Endpoint, Subscription
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver, Reply
from tests.killed_worker import FINISHED, KilledWorker

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
down_reply, well_reply = Reply(503), Reply(200)


@pytest.fixture
def down(receiver: Receiver) -> Receiver:
    receiver.always(503)
    return receiver


@pytest.mark.django_db
def test_after_so_many_failures_nothing_is_sent_and_no_retry_is_used(down: Receiver) -> None:
    with time_machine.travel(NOW, tick=False):
        record(new_instance(url=down.url), 300)
        deliver_all_due()
        deliver_all_due()

    assert len(down.received) == OPEN_AFTER
    assert Delivery.objects.filter(status="created", attempts_made=0).count() == 30 - OPEN_AFTER
    assert not Delivery.objects.filter(lease_id__isnull=False).exists()
    assert Endpoint.objects.get().open_until == NOW + BACKOFF.first


@pytest.mark.django_db
def test_one_attempt_after_each_pause_and_each_pause_is_twice_as_long(down: Receiver) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        record(new_instance(url=down.url), 500)
        deliver_all_due()
        down.received.clear()
        for number in range(1, 9):
            clock.shift(BACKOFF.pause(number).total_seconds() - 0.5)
            deliver_all_due()
            assert len(down.received) == number - 1, "too early"
            clock.shift(0.5)
            deliver_all_due()
            assert len(down.received) == number


@pytest.mark.django_db
def test_the_first_success_closes_it_for_all_at_once(
    down: Receiver,
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        instance = new_instance(url=down.url)
        record(instance, 300)
        record(new_instance(instance.organization, url=f"{down.url}/other"), 50)
        deliver_all_due()
        down.always(200)
        deliver_all_due()
        assert not Delivery.objects.filter(status="delivered").exists()
        clock.shift(3600)
        deliver_all_due()

    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    assert not Endpoint.objects.exists()


@pytest.mark.django_db
def test_another_organization_at_the_same_server_is_not_held(down: Receiver) -> None:
    down.answer = lambda one: down_reply if one.path == "/callback" else well_reply
    with time_machine.travel(NOW, tick=False):
        record(new_instance(url=down.url), 300)
        deliver_all_due()
        record(new_instance(url=f"{down.url}/well"), 300)
        deliver_all_due()

    well = Delivery.objects.filter(subscription__url__endswith="/well")
    assert set(well.values_list("status", flat=True)) == {"delivered"}
    assert Endpoint.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("status", [400, 404])
def test_what_answers_is_there(receiver: Receiver, status: int) -> None:
    receiver.always(status)
    record(new_instance(url=receiver.url), 300)
    deliver_all_due()
    assert len(receiver.received) == 30
    assert not Endpoint.objects.exists()


@pytest.mark.django_db
def test_a_success_in_between_begins_the_count_anew(receiver: Receiver) -> None:
    replies = iter([False] * (OPEN_AFTER - 1) + [True] + [False] * (OPEN_AFTER - 1))
    receiver.answer = lambda _: well_reply if next(replies) else down_reply
    instance = new_instance(url=receiver.url)
    Subscription.objects.update(failing_since=NOW)  # one at a time
    record(instance, 10 * (2 * OPEN_AFTER - 1))
    Delivery.objects.update(next_attempt_at=NOW)
    deliver_all_due()
    endpoint = Endpoint.objects.get()
    assert (endpoint.failures, endpoint.open_until) == (OPEN_AFTER - 1, None)


@pytest.mark.django_db
def test_what_has_failed_most_often_is_the_one_to_try_with() -> None:
    record(new_instance(url="http://127.0.0.1:9/"), 30)
    first, second, _ = Delivery.objects.order_by("id")
    Delivery.objects.filter(pk=second.pk).update(failures=9, status="retry")
    (probe,) = claim_probes(timezone.now(), [first.subscription_id])
    assert (probe.id, probe.probe) == (second.pk, True)
    assert claim.PROBE != claim.CLAIM


@pytest.mark.django_db
def test_one_engine_alone_tries_it_and_another_when_it_died() -> None:
    instance = new_instance(url="http://127.0.0.1:9/")
    record(instance)
    made = Endpoint.objects.create(
        organization=instance.organization,
        origin="http://127.0.0.1:9",
        failures=OPEN_AFTER,
        probes=0,
        open_until=NOW,
        updated_at=NOW,
    )
    endpoint = claim.Endpoint(made.organization_id, made.origin)
    later = timezone.now()

    assert [one.half_open for one in due_subscriptions(later).due] == [True]
    assert breaker.take_probes([endpoint], later) == {endpoint}
    assert breaker.take_probes([endpoint], later) == set()
    assert due_subscriptions(later).due == []
    assert due_subscriptions(later).open == {endpoint}
    assert breaker.take_probes([endpoint], later + LEASE) == {endpoint}


@pytest.mark.django_db
def test_a_clock_that_goes_back_holds_nothing_for_long() -> None:
    instance = new_instance(url="http://127.0.0.1:9/")
    record(instance)
    Endpoint.objects.create(
        organization=instance.organization,
        origin="http://127.0.0.1:9",
        failures=OPEN_AFTER,
        probes=0,
        open_until=timezone.now() + timedelta(hours=1),
        updated_at=timezone.now(),
    )
    assert [one.half_open for one in due_subscriptions(timezone.now()).due] == [True]


@pytest.mark.django_db
def test_what_waits_for_a_server_that_is_away_is_not_our_delay() -> None:
    instance = new_instance(url="http://127.0.0.1:9/")
    record(instance)
    later = timezone.now() + timedelta(minutes=10)
    assert backlog.figures(later).late == 1
    Endpoint.objects.create(
        organization=instance.organization,
        origin="http://127.0.0.1:9",
        failures=OPEN_AFTER,
        probes=9,
        open_until=later,
        updated_at=later,
    )
    assert backlog.figures(later).late == 0


@pytest.mark.django_db(transaction=True)
def test_an_engine_killed_with_the_one_attempt_holds_nothing_up(receiver: Receiver) -> None:
    worker = KilledWorker("tests.all_due.deliver_all_due")
    statement, ended = 0, int(signal.SIGKILL)
    try:
        while ended != FINISHED:
            statement += 1
            receiver.received.clear()
            instance = new_instance(url=receiver.url)
            record(instance, 30)
            expected = set(Delivery.objects.values_list("webhook_id", flat=True))
            Endpoint.objects.create(
                organization=instance.organization,
                origin=Subscription.objects.get().origin,
                failures=OPEN_AFTER,
                probes=3,
                open_until=NOW,
                updated_at=NOW,
            )

            ended = worker.run(statement)
            # Time passes.
            Delivery.objects.filter(lease_id__isnull=False).update(
                lease_until=F("lease_until") - LEASE
            )
            Endpoint.objects.update(open_until=F("open_until") - LEASE)
            deliver_all_due()

            assert set(receiver.ids()) == expected
            assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
            assert DeliveryAttempt.objects.count() == len(expected)
            assert not Endpoint.objects.exists()
            instance.delete()
    finally:
        worker.close()
    assert statement > 5, "the engine was never killed within its work"
