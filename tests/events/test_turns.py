"""Whose turn it is: what an engine may take, start and must give back. Plain calls, no clock."""

from __future__ import annotations

import uuid
from itertools import count

from events.claim import LEASE, Claimed, Due
from events.traffic import Traffic

TIMEOUT = 15.0
_ids = count(1)


def claimed(
    subscription: int, number: int, *, failing: bool = False, host: str = ""
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
        )
        for place in range(number)
    ]


def due(subscription: int, *, failing: bool = False, host: str = "") -> Due:
    return Due(subscription, host or f"http://{subscription}.example.com", failing)


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


def test_failing_ones_are_passed_over_near_the_end() -> None:
    traffic = Traffic(slots=100, timeout=TIMEOUT)

    shares = traffic.shares([due(1, failing=True), due(2)], 100, failing=False)

    assert list(shares) == [2]


def test_failing_ones_take_no_more_than_half_together() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)

    shares = traffic.shares([due(n, failing=True) for n in range(1, 101)], 100)

    assert len(shares) == 20  # ten slots, and thirty more for slow ones


def test_room_is_shared_evenly() -> None:
    traffic = Traffic(slots=100, timeout=TIMEOUT)

    shares = traffic.shares([due(n) for n in range(1, 51)], 100)

    assert set(shares.values()) == {4}


def test_slow_attempts_give_their_slots_free_up_to_a_bound() -> None:
    traffic = Traffic(slots=10, timeout=TIMEOUT)
    for subscription in range(1, 11):
        traffic.add(claimed(subscription, 10), 0.0)
    started = [len(list(traffic.start(second * 1.5))) for second in range(6)]

    assert started == [10, 10, 10, 10, 0, 0]
    assert traffic.slow(100.0) == 40
    assert traffic.room(100.0) == 0


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
