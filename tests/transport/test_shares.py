"""How much each owner may hold of what all share."""

from __future__ import annotations

from transport.shares import Shares
from transport.waiting import capacity


def taken(shares: Shares, owner: int, wanted: int = 100) -> int:
    return sum(shares.take(owner) for _ in range(wanted))


def test_alone_an_owner_gets_two_thirds() -> None:
    assert taken(Shares(12), 1) == 8


def test_there_is_something_for_the_next_ones() -> None:
    shares = Shares(12)

    assert [taken(shares, owner) for owner in range(1, 6)] == [8, 3, 1, 0, 0]
    assert shares.full


def test_what_is_given_back_is_there_for_others() -> None:
    shares = Shares(6)
    taken(shares, 1)
    taken(shares, 2)

    shares.give_back(1)

    assert not shares.take(1)  # it holds more than its share still
    assert shares.take(3)


def test_one_thread_in_four_waits_for_nobody() -> None:
    assert [capacity(threads) for threads in (1, 2, 4, 8, 16)] == [1, 1, 3, 6, 12]
