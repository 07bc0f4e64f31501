"""Several processes pay from one quota: each from what it holds, together never too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quota import bucket
from quota.bucket import FLIGHT, SEATS, Ask, Drawn, small_change
from quota.models import QuotaBucket
from quota.purse import Payer, Payment, Purse
from transport.types import Bucket, Quota

from .conftest import World

QUOTA = Quota("mail", account=Bucket(6_000), project=Bucket(60_000, 500_000))
HISTORY, MESSAGE = 2, 20  # units


def payer(
    account: str = "a", *, quota: Quota = QUOTA, share: float = 1.0, polls: bool = True
) -> Payer:
    return Payer(quota, "project", account, share, polls)


def pay(purse: Purse, who: Payer, units: int, ahead: int = 0) -> float:
    wait = purse.take(who, units)
    return purse.draw(who, units, max(units, ahead)) if wait is None else wait


def paid(purse: Purse, who: Payer, units: int, times: int) -> int:
    """How many of so many requests side by side were paid."""
    return sum(pay(purse, who, units, (times - n) * units) == 0 for n in range(times))


def test_idle_polls_of_many_accounts_cost_no_query(world: World) -> None:
    purse = world.purse()
    pay(purse, payer("first"), HISTORY)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert all(purse.take(payer(f"account {n}"), HISTORY) == 0 for n in range(1_000))
    assert len(queries) == 0
    assert QuotaBucket.objects.count() == 1  # an account that is merely polled has no row


def test_small_change_is_small(world: World) -> None:
    """What goes beyond it is drawn from the account's row."""
    purse = world.purse()
    change = small_change(QUOTA.account)
    pay(purse, payer(), HISTORY)
    while change >= 2 * HISTORY:
        assert purse.take(payer(), HISTORY) == 0
        change -= HISTORY
    assert purse.take(payer(), HISTORY) is None
    assert pay(purse, payer(), HISTORY) == 0
    assert bucket.used(["a"], "UTC")["a"].minute == HISTORY


def test_an_account_is_paid_for_up_to_its_limit_and_again_a_minute_later(world: World) -> None:
    one, other = world.purse(), world.purse()
    together = paid(one, payer(), MESSAGE, 200) + paid(other, payer(), MESSAGE, 200)
    set_apart = SEATS * small_change(QUOTA.account)
    assert together == (6_000 - set_apart) // MESSAGE
    assert other.take(payer(), MESSAGE) == pytest.approx(60)
    assert other.take(payer("b"), HISTORY) == 0
    world.at(60)
    assert pay(one, payer(), MESSAGE) == 0


def test_idle_polls_go_on_while_an_account_has_no_units_for_more(world: World) -> None:
    purse = world.purse()
    paid(purse, payer(), MESSAGE, 400)
    assert purse.take(payer(), MESSAGE)
    assert purse.take(payer(), HISTORY) == 0


def test_a_project_is_paid_for_up_to_its_limit_whoever_asks(world: World) -> None:
    purses = [world.purse() for _ in range(3)]
    spent = 0
    for n in range(30):
        for purse in purses:
            spent += paid(purse, payer(f"account {n}", polls=False), MESSAGE, 70) * MESSAGE
    assert 0.97 * 60_000 <= spent <= 60_000
    waits = [pay(purse, payer("another"), 900) for purse in purses]
    assert waits == [pytest.approx(60)] * 3


def test_bulk_jobs_leave_half_to_others(world: World) -> None:
    purse = world.purse()
    assert paid(purse, payer(polls=False, share=0.5), MESSAGE, 400) * MESSAGE <= 3_000
    assert paid(purse, payer(polls=False), MESSAGE, 100) == 100


def test_a_day_is_used_up_to_its_last_units_although_blocks_end_unused(world: World) -> None:
    quota = Quota("mail", account=Bucket(6_000), project=Bucket(60_000, 6_000))
    purse, spent = world.purse(), 0
    for minute in range(60):
        world.at(60 * minute)
        spent += paid(purse, payer(f"account {minute}", quota=quota), MESSAGE, 6) * MESSAGE
    assert 0.95 * 6_000 <= spent <= 6_000


def test_what_a_process_held_when_it_died_is_wasted_not_spent_again(world: World) -> None:
    pay(world.purse(), payer(), MESSAGE)
    held = QuotaBucket.objects.get(subject="project").drawn
    assert held > MESSAGE
    assert paid(world.purse(), payer("b", polls=False), 1, 6_000) <= 6_000
    assert QuotaBucket.objects.get(subject="project").drawn <= 60_000


def test_nothing_is_paid_after_the_provider_has_refused(world: World) -> None:
    one, other = world.purse(), world.purse()
    pay(one, payer(), MESSAGE)
    one.close(payer(), 90, project=False)
    assert [pay(purse, payer(), MESSAGE) for purse in (one, other)] == [pytest.approx(90)] * 2
    assert pay(one, payer("b"), MESSAGE) == 0
    one.close(payer("b"), 120, project=True)
    assert pay(one, payer("c"), MESSAGE) == pytest.approx(120)
    world.at(121)
    assert [pay(purse, payer(), MESSAGE) for purse in (one, other)] == [0, 0]


def test_a_forked_process_does_not_spend_what_its_parent_holds(world: World) -> None:
    purse = world.purse()
    pay(purse, payer(), MESSAGE)
    purse.empty()
    assert purse.take(payer(), HISTORY) is None


def test_a_bucket_is_asked_for_what_is_wanted_beyond_what_is_at_hand(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = bucket.draw
    asked: list[tuple[str, int, int]] = []

    def noted(asks: Sequence[Ask]) -> dict[str, Drawn]:
        asked.extend((ask.of, ask.need, ask.wish) for ask in asks)
        return draw(asks)

    monkeypatch.setattr(bucket, "draw", noted)
    purse, who = world.purse(), payer(polls=False)
    assert purse.draw(who, 20, 100) == 0
    assert asked == [("project", 20, 100), ("a", 20, 100)]
    asked.clear()
    assert purse.draw(who, 90, 200) == 0
    assert asked == [("a", 10, 120)]  # 80 are left
    asked.clear()
    purse.draw_many([Payment(who, 100, 150), Payment(who, 70, 70)])
    assert asked == [("a", 60, 60)]  # the first leaves 10


def test_a_part_of_a_limit_of_one_is_one_and_not_everything(world: World) -> None:
    quota = Quota("mail", account=Bucket(1), project=Bucket(60_000))
    bulk = Payer(quota, "p", "a", share=0.5)
    purse = world.purse()
    assert purse.draw(bulk, 1, 1) == 0
    assert purse.draw(bulk, 1, 1) > 0


# --- Whatever happens ----------------------------------------------------------------------------

SMALL = Quota("mail", account=Bucket(1_000), project=Bucket(2_400, 4_000), day_zone="UTC")
PROCESSES = 3
EXAMPLES = 6  # each takes a third of a second

Happening = tuple[float | None, int, str, tuple[int, int], str, float]
happenings = st.lists(
    st.tuples(
        st.sampled_from((None, 0.5, 30.0, 56.9, 57.1, 59.9)),  # the second of a minute it comes to
        st.integers(0, PROCESSES - 1),
        st.sampled_from("ab"),
        st.sampled_from(((HISTORY, 1), (1, 3), (MESSAGE, 50), (MESSAGE, 50))),  # side by side
        st.sampled_from(("polls", "calls", "calls", "bulk", "dies")),
        st.sampled_from((0.0, 0.5, FLIGHT - 0.01)),  # seconds until they arrive
    ),
    min_size=20,
    max_size=120,
)


@dataclass
class Provider:
    """Counts as Google does: by the minute and the day in which a request arrives."""

    accounts: Counter[tuple[int, str]] = field(default_factory=Counter)
    minutes: Counter[int] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)

    def receive(self, at: float, account: str, units: int) -> None:
        self.accounts[int(at // 60), account] += units
        self.minutes[int(at // 60)] += units
        self.days[int(at // 86_400)] += units


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # to shrink an example takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(happenings=happenings, start=st.sampled_from((0, 30, 86_400 - 9 * 3600 - 1800 - 60)))
def test_no_limit_is_ever_exceeded_at_the_provider(
    world: World, happenings: list[Happening], start: int
) -> None:
    QuotaBucket.objects.all().delete()
    provider = Provider()
    purses = [world.purse() for _ in range(PROCESSES)]
    now = float(start)
    world.at(now)
    midnight = 9 * 3600 + 1800  # START is at half past nine
    for second, process, account, (units, times), what, delay in happenings:
        if second is not None:
            now += (second - now) % 60
            world.at(now)
        if what == "dies":
            purses[process] = world.purse()
            continue
        who = payer(
            account, quota=SMALL, share=0.5 if what == "bulk" else 1.0, polls=what == "polls"
        )
        for n in range(times):
            if pay(purses[process], who, units, (times - n) * units) == 0:
                provider.receive(now + midnight + delay, account, units)
    assert max(provider.accounts.values(), default=0) <= 1_000
    assert max(provider.minutes.values(), default=0) <= 2_400
    assert max(provider.days.values(), default=0) <= 4_000
