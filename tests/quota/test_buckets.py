"""A bucket never gives more than its limit, whoever draws, whenever a minute or a day ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from quota import bucket
from quota.bucket import LARGEST_BLOCK, SEATS, Drawn, Unused
from transport.types import Bucket

from .conftest import START, World

PACIFIC = "America/Los_Angeles"


def draw(
    need: int,
    *,
    limits: Bucket = Bucket(100),  # noqa: B008 - frozen
    wish: int = 0,
    part: int = bucket.NO_LIMIT,
    seat: bool = False,
    unused: Unused | None = None,
) -> Drawn:
    ask = bucket.Ask(
        "project",
        limits,
        need=need,
        wish=max(need, wish),
        part=part,
        seat=seat,
        unused=unused,
        zone=PACIFIC,
    )
    return bucket.draw([ask])["project"]


def test_no_more_than_the_limit_is_drawn_in_a_minute(world: World) -> None:
    assert [draw(40).units for _ in range(3)] == [40, 40, 0]
    assert draw(20).units == 20
    world.at(59.9)
    refused = draw(1)
    assert refused.units == 0
    assert refused.wait == pytest.approx(0.1)
    world.at(60)
    assert draw(100).units == 100


def test_a_block_is_a_part_of_what_is_left_and_at_least_what_is_needed(world: World) -> None:
    assert [draw(1, part=20).units for _ in range(3)] == [5, 4, 4]
    assert draw(30, part=20).units == 30
    assert draw(10, wish=90, part=20).units == 57
    assert draw(1, part=20).units == 0


def test_processes_that_die_do_not_use_up_a_limit_that_nobody_comes_near(world: World) -> None:
    assert draw(1, limits=Bucket(), part=20).units == LARGEST_BLOCK
    assert draw(1, limits=Bucket(), part=20, wish=LARGEST_BLOCK + 1).units == LARGEST_BLOCK + 1


def test_a_block_ends_before_what_is_asked_with_it_could_arrive_in_the_next_minute(
    world: World,
) -> None:
    world.at(20)
    assert draw(1).seconds == pytest.approx(37)
    world.at(58)
    assert draw(1).seconds == pytest.approx(2)


def test_what_is_drawn_at_the_end_of_a_minute_counts_in_the_next_one_too(world: World) -> None:
    world.at(50)
    draw(30)
    world.at(58)
    draw(30)
    world.at(61)
    assert draw(71).units == 0
    assert draw(70).units == 70
    world.at(125)
    assert draw(100).units == 100


def test_a_clock_that_goes_back_grants_nothing_anew(world: World) -> None:
    world.at(60)
    draw(100)
    for seconds in (59, 10, -3600):
        world.at(seconds)
        assert draw(1).units == 0


def test_a_day_has_a_limit_and_ends_at_the_providers_midnight(world: World) -> None:
    limits = Bucket(100, 150)
    world.postgres_says(datetime(2026, 1, 6, 7, 58, tzinfo=UTC))  # 23:58 there
    assert draw(100, limits=limits).day == date(2026, 1, 5)
    world.postgres_says(datetime(2026, 1, 6, 7, 59, tzinfo=UTC))
    assert draw(51, limits=limits).units == 0
    assert draw(50, limits=limits).units == 50
    assert draw(1, limits=limits).wait == pytest.approx(60)
    world.postgres_says(datetime(2026, 1, 6, 8, 0, tzinfo=UTC))
    tomorrow = draw(100, limits=limits)
    assert (tomorrow.units, tomorrow.day) == (100, date(2026, 1, 6))


def test_what_is_drawn_just_before_midnight_counts_in_the_next_day_too(world: World) -> None:
    limits = Bucket(1000, 100)
    world.postgres_says(datetime(2026, 1, 6, 7, 59, 58, tzinfo=UTC))
    draw(60, limits=limits)
    world.postgres_says(datetime(2026, 1, 6, 8, 0, tzinfo=UTC))
    assert draw(41, limits=limits).units == 0
    assert draw(40, limits=limits).units == 40


def test_a_day_is_given_back_what_was_not_used_of_it(world: World) -> None:
    limits = Bucket(100, 150)
    day = draw(100, limits=limits).day
    world.at(60)
    assert draw(90, limits=limits, unused=Unused(40, day)).units == 90
    assert draw(1, limits=limits, unused=Unused(5, day - timedelta(days=1))).units == 0


def test_a_days_wait_is_asked_about_again_before_it_ends(world: World) -> None:
    draw(10, limits=Bucket(100, 10))
    assert draw(1, limits=Bucket(100, 10)).wait == bucket.LONGEST_WAIT


def test_there_are_so_many_seats_and_no_more(world: World) -> None:
    world.at(10)
    assert [draw(1, seat=True).seated for _ in range(40)] == [True] * 40
    assert not draw(1).seated
    world.at(58)
    assert sum(draw(1, seat=True).seated for _ in range(30)) == SEATS - 40
    world.at(62)
    late = SEATS - 40
    assert sum(draw(1, seat=True).seated for _ in range(70)) == SEATS - late


def test_a_closed_bucket_gives_nothing_until_it_opens(world: World) -> None:
    bucket.close("project", 90, PACIFIC)
    world.at(61)
    refused = draw(1)
    assert refused.units == 0
    assert refused.wait == pytest.approx(29)
    bucket.close("project", 5, PACIFIC)  # the longer word counts
    world.at(89)
    assert draw(1).units == 0
    world.at(91)
    assert draw(1).units == 1


def test_what_was_used_can_be_read(world: World) -> None:
    draw(30)
    assert bucket.used(["project", "another"], PACIFIC) == {
        "project": bucket.Used(minute=30, day=30, called=30),
        "another": bucket.Used(),
    }
    world.at(60)
    draw(5)
    told = bucket.used(["project"], PACIFIC)["project"]
    assert (told.minute, told.day) == (5, 35)


def test_rows_that_nobody_draws_from_are_removed(world: World) -> None:
    draw(1)
    world.postgres_says(START + timedelta(days=2))
    assert bucket.forget() == 0
    world.postgres_says(START + timedelta(days=4))
    assert bucket.forget() == 1
