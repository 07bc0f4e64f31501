"""Bars over time as a picture that the server draws: rectangles of SVG, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

BAR, GAP, HEIGHT = 8, 2, 100  # of the picture; it is stretched to its place
LEAST = 4  # of the height: a single one among thousands is still seen


class Bar(NamedTuple):
    """The bad part stands on the good one."""

    x: int
    good: int
    good_y: int
    bad: int
    bad_y: int
    title: str
    begins: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    good: int  # sums
    bad: int
    bad_name: str  # of what is red in it; empty where nothing can be
    most: int  # of one bar
    bars: Sequence[Bar]
    width: int
    height: int = HEIGHT


def chart(
    name: str, bad_name: str, times: Sequence[datetime], pairs: Sequence[tuple[int, int]]
) -> Chart:
    """A bar for each of `times`, of as many good and bad ones as its pair says."""
    most = max((sum(pair) for pair in pairs), default=0)
    return Chart(
        name,
        sum(pair[0] for pair in pairs),
        sum(pair[1] for pair in pairs),
        bad_name,
        most,
        list(_bars(pairs, times, most, bad_name)),
        len(times) * (BAR + GAP),
    )


def _bars(
    pairs: Sequence[tuple[int, int]], times: Sequence[datetime], most: int, bad_name: str
) -> Iterator[Bar]:
    for place, ((good, bad), begins) in enumerate(zip(pairs, times, strict=True)):
        if not good and not bad:
            continue
        high, red = (max(LEAST, round(HEIGHT * one / most)) if one else 0 for one in (good, bad))
        high = min(high, HEIGHT - red)
        title = f"{good}" + (f", {bad_name}: {bad}" if bad else "")
        x = place * (BAR + GAP)
        yield Bar(x, high, HEIGHT - high, red, HEIGHT - high - red, title, begins)
