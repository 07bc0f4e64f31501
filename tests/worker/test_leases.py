"""Loops are leases in rows: dealt out evenly, taken over when their host is gone, by one clock."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import time_machine
from django.db import connection
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from worker import leases
from worker.leases import shares, tend
from worker.loops import LOOPS, Loop
from worker.models import LoopLease, WorkerHost

pytestmark = pytest.mark.django_db

ALL = {(loop.name, 0) for loop in LOOPS}


def age(seconds: float, **rows: Any) -> None:
    """Let time go by for the rows of a host."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE worker_workerhost SET seen_at = seen_at - %s * interval '1 second'"
            " WHERE name = %s",
            [seconds, rows["host"]],
        )
        cursor.execute(
            "UPDATE worker_looplease SET lease_until = lease_until - %s * interval '1 second',"
            " worked_at = worked_at - %s * interval '1 second',"
            " taken_at = taken_at - %s * interval '1 second' WHERE host = %s",
            [seconds, seconds, seconds, rows["host"]],
        )


def settled(*hosts: str) -> dict[str, set[tuple[str, int]]]:
    """What each host holds once all have looked twice."""
    for host in hosts * 2:
        tend(host, 9)
    return {
        host: set(LoopLease.objects.filter(host=host).values_list("loop", "slot")) for host in hosts
    }


@hypothesis_settings(deadline=None)
@given(
    hosts=st.integers(1, 12),
    counts=st.lists(st.one_of(st.none(), st.integers(1, 20)), min_size=1, max_size=6),
)
def test_nobody_has_two_more_than_another(hosts: int, counts: list[int | None]) -> None:
    class Fixed(Loop):
        __slots__ = ()

        def count(self, hosts: int) -> int:
            number = counts[int(self.name)]
            return hosts if number is None else number

    loops = [Fixed(str(number), "a.turn") for number in range(len(counts))]
    names = [f"host {number}" for number in range(hosts)]
    dealt = shares(names, loops)
    places = [place for some in dealt.values() for place in some]
    wanted = [(loop.name, slot) for loop in loops for slot in range(loop.count(hosts))]
    assert sorted(places) == sorted(wanted), "each loop is somebody's, and only his"
    totals = [len(some) for some in dealt.values()]
    assert max(totals) - min(totals) <= 1
    for loop in loops:
        of_kind = [sum(name == loop.name for name, _ in some) for some in dealt.values()]
        assert max(of_kind) - min(of_kind) <= 1


def test_a_host_alone_runs_every_loop() -> None:
    assert set(tend("one", 9)) == ALL
    [host] = leases.alive()
    assert (host.name, host.processes) == ("one", 9)
    assert sorted(host.loops) == sorted(f"{loop.name} 1" for loop in LOOPS)


def test_a_second_host_brings_loops_of_its_own_without_a_setting() -> None:
    held = settled("one", "two")
    for loop in ("poll", "deliver"):
        assert {(loop, 0)} <= held["one"]
        assert {(loop, 1)} <= held["two"]
    assert abs(len(held["one"]) - len(held["two"])) <= 1


def test_three_hosts_share_what_a_setting_limits(settings: Any) -> None:
    settings.POLL_LOOPS, settings.DELIVERY_LOOPS = 2, 6
    held = settled("one", "two", "three")
    kinds = {host: Counter(loop for loop, _ in some) for host, some in held.items()}
    assert sorted(kind["poll"] for kind in kinds.values()) == [0, 1, 1]
    assert [kind["deliver"] for kind in kinds.values()] == [2, 2, 2]


def test_a_loop_is_left_to_its_host_while_the_lease_is_in_force() -> None:
    tend("one", 9)
    age(leases.LEASE - 1, host="one")
    assert not set(tend("two", 9)) & ALL
    age(2, host="one")
    assert set(tend("two", 9)) == ALL


def test_who_is_left_goes_on_with_its_own_until_it_can_take_the_others_loops() -> None:
    own = settled("one", "two")["two"]
    age(leases.LEASE - 1, host="one")
    assert set(tend("two", 9)) == own
    age(2, host="one")
    assert set(tend("two", 9)) == ALL


def test_what_a_host_gives_back_another_takes_at_once() -> None:
    tend("one", 9)
    leases.leave("one")
    assert set(tend("two", 9)) == ALL
    assert [host.name for host in leases.alive()] == ["two"]


def test_a_lowered_number_ends_loops(settings: Any) -> None:
    settings.POLL_LOOPS = 4
    assert ("poll", 3) in tend("one", 9)
    settings.POLL_LOOPS = 2
    assert {slot for loop, slot in tend("one", 9) if loop == "poll"} == {0, 1}
    assert LoopLease.objects.filter(loop="poll").count() == 2


def test_a_host_whose_loops_do_not_work_gets_none_while_there_are_others() -> None:
    tend("one", 9)
    tend("two", 9)
    assert tend("one", 9, trouble="poll loop 1 has not worked for 40 s") == []
    assert set(tend("two", 9)) == ALL
    assert set(settled("one", "two")["one"]) != set(), "well again"


def test_hosts_that_are_all_in_trouble_go_on() -> None:
    assert set(tend("one", 9, trouble="the disk is full")) == ALL


@pytest.mark.parametrize("year", [2020, 2035])
def test_the_clock_of_a_host_decides_nothing(year: int) -> None:
    tend("one", 9)
    with time_machine.travel(f"{year}-01-01"):
        held = tend("two", 9, clock_offset=3e8)
        assert ("poll", 1) in held
        assert ("poll", 0) not in held
    assert [host.name for host in leases.alive()] == ["one", "two"]


def test_hosts_that_are_long_gone_are_forgotten() -> None:
    tend("one", 9)
    age(leases.KEPT + 1, host="one")
    tend("two", 9)
    assert list(WorkerHost.objects.values_list("name", flat=True)) == ["two"]


def test_it_tells_for_how_long_a_kind_of_loop_has_not_worked() -> None:
    assert set(leases.at_rest().values()) == {None}
    tend("one", 9)
    quiet = leases.at_rest()["poll"]
    assert quiet is not None
    assert quiet < 30
    assert not leases.is_worked_on("poll"), "held, and nothing has been seen of it"
    tend("one", 9, worked={("poll", 0): 2.0})
    assert leases.is_worked_on("poll")
    assert not leases.is_worked_on("deliver")
    age(300, host="one")
    quiet = leases.at_rest()["poll"]
    assert quiet is not None
    assert 300 < quiet < 330
    assert not leases.is_worked_on("poll")
