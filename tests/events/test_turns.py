"""Whose turn it is: what an engine may take, start and must give back. Plain calls, no clock."""

from __future__ import annotations

import uuid
from itertools import count

from events.claim import LEASE, Claimed, Due
from events.traffic import Traffic

TIMEOUT = 15.0
_ids = count(1)


def claimed(
    subscription: int, number: int, *, failing: bool = False, host: str = "", organization: int = 0
) -> list[Claimed]:
    return [
        Claimed(
            id=next(_ids),
            lease_id=uuid.uuid4(),
            webhook_id="msg",
            subscription_id=subscription,
            url="",
            origin=host or f"http://{subscription}.example.com",
            signature_key="",
            active=True,
            failing=failing,
            policy="retry",
            failures=0,
            first_failed_at=None,
            place=place,
            body="{}",
            organization_id=organization,
        )
        for place in range(number)
    ]


def due(subscription: int, *, failing: bool = False, host: str = "", organization: int = 0) -> Due:
    origin = host or f"http://{subscription}.example.com"
    return Due(subscription, origin, failing, organization)


def finish(traffic: Traffic, deliveries: list[Claimed], *, delivered: bool = True) -> list[Claimed]:
    back: list[Claimed] = []
    for delivery in deliveries:
        back += traffic.ended(delivery, delivered=delivered)
    for delivery in (*deliveries, *back):
        traffic.settled(delivery.subscription_id)
    return back


def test_ten_of_a_subscription_run_at_once() -> None:
    traffic = Traffic(slots=100, timeout=TIMEOUT)
    traffic.add(claimed(1, 30), 0.0)

    assert len(list(traffic.start(0.0))) == 10
    assert list(traffic.start(0.0)) == []


def test_a_new_subscription_gets_what_may_run_and_more_as_it_answers() -> None:
    traffic = Traffic(slots=100, timeout=TIMEOUT)
    assert traffic.shares([due(1)], 100) == {1: 10}
    traffic.add(claimed(1, 10), 0.0)
    assert traffic.shares([due(1)], 100) == {}

    finish(traffic, list(traffic.start(0.0)))

    assert traffic.empty
    assert traffic.shares([due(1)], 100) == {1: 20}


def test_a_failure_gives_back_what_waits_and_leaves_one_at_a_time() -> None:
    traffic = Traffic(slots=100, timeout=TIMEOUT)
    traffic.add(claimed(1, 15), 0.0)
    running = list(traffic.start(0.0))

    back = traffic.ended(running[0], delivered=False)

    assert len(back) == 5
    assert list(traffic.start(0.0)) == []
    assert traffic.shares([due(1)], 100) == {}
    assert Traffic(100, TIMEOUT).shares([due(1, failing=True)], 100) == {1: 1}


def test_failing_ones_take_no_more_than_half_together() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)

    shares = traffic.shares([due(n, failing=True) for n in range(1, 101)], 100)

    assert len(shares) == 14  # two thirds, since one organization has them, of half of the forty


def test_room_is_shared_evenly() -> None:
    traffic = Traffic(slots=100, timeout=TIMEOUT)

    shares = traffic.shares([due(n) for n in range(1, 51)], 100)

    assert set(shares.values()) == {4}


def test_slow_attempts_give_their_slots_free_up_to_a_bound() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)
    for subscription in range(1, 11):
        traffic.add(claimed(subscription, 10), 0.0)
    started = [len(list(traffic.start(second * 1.5))) for second in range(6)]

    assert started == [7, 7, 7, 6, 0, 0]  # two thirds of forty: what is left is for others
    assert traffic.slow(100.0) == 27
    assert traffic.room(100.0) > 0


def test_one_server_has_no_more_than_a_quarter_of_the_slots() -> None:
    traffic = Traffic(slots=80, timeout=TIMEOUT)
    for subscription in range(1, 11):
        traffic.add(claimed(subscription, 10, host="http://one.example.com"), 0.0)
    traffic.add(claimed(11, 5), 0.0)

    assert len(list(traffic.start(0.0))) == 20 + 5


def test_who_had_a_turn_comes_last_when_slots_are_short() -> None:
    traffic = Traffic(slots=2, timeout=TIMEOUT)
    for subscription in (1, 2, 3):
        traffic.add(claimed(subscription, 10), 0.0)
    first = list(traffic.start(0.0))
    for delivery in first:
        traffic.ended(delivery, delivered=True)
    second = list(traffic.start(0.0))

    assert [one.subscription_id for one in first] == [1, 2]
    assert second[0].subscription_id == 3


def test_what_waited_until_its_lease_could_end_during_an_attempt_is_given_back() -> None:
    traffic = Traffic(slots=100, timeout=TIMEOUT)
    waiting = claimed(1, 3)
    traffic.add(waiting, 0.0)
    late = LEASE.total_seconds() - TIMEOUT

    assert list(traffic.start(late)) == []
    assert traffic.stale(late) == waiting


# --- Of one organization -------------------------------------------------------------------------


def test_receivers_that_may_be_dead_leave_slots_to_other_organizations() -> None:
    traffic = Traffic(slots=30, timeout=TIMEOUT)
    for subscription in range(1, 101):
        traffic.add(claimed(subscription, 1, organization=1), 0.0)
    traffic.add(claimed(101, 5, organization=2), 0.0)

    started = [delivery.organization_id for delivery in traffic.start(0.0)]

    assert started.count(1) == 20
    assert started.count(2) == 5


def test_attempts_that_hang_leave_room_to_other_organizations() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)
    for subscription in range(1, 101):
        traffic.add(claimed(subscription, 1, organization=1), 0.0)
    for second in range(10):
        list(traffic.start(second * 1.5))

    assert traffic.slow(100.0) == 27  # of forty
    assert traffic.shares([due(101, organization=2)], traffic.room(100.0)) == {101: 10}
    traffic.add(claimed(101, 5, organization=2), 100.0)
    assert len([one for one in traffic.start(100.0) if one.organization_id == 2]) == 5


def test_receivers_that_have_answered_have_all_slots() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)
    for subscription in range(1, 11):
        traffic.add(claimed(subscription, 1), 0.0)
    for _ in range(2):
        finish(traffic, list(traffic.start(0.0)))
    for subscription in range(1, 11):
        traffic.add(claimed(subscription, 2), 0.0)

    assert len(list(traffic.start(0.0))) == 10


def test_failing_receivers_of_an_organization_leave_some_attempts_to_those_of_others() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)
    many = [due(n, failing=True, organization=1) for n in range(1, 101)]

    shares = traffic.shares([*many, due(101, failing=True, organization=2)], 100)

    assert 101 in shares


def test_what_cannot_start_is_not_claimed_without_end() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)
    number = 0
    for _ in range(20):
        shares = traffic.shares([due(number + n) for n in range(1, 51)], traffic.room(0.0))
        number += 50
        for subscription, share in shares.items():
            traffic.add(claimed(subscription, share), 0.0)
        list(traffic.start(0.0))

    assert 20 <= len(traffic.waiting()) <= 40
