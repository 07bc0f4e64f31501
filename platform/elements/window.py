"""Where polling by dates stands: its cursor, and from when the next look asks.

A look goes through a listing once, in as many polls as that takes. It asks for what changed since
the look before began, and earlier:

- by `pollDelay`, of records that are answered without it by a minute: for clocks that differ, dates
  without fractions, and providers that list a change late. What is seen again is known by its
  fingerprint;
- since the look before that, when the last one had several pages: records move between pages while
  these are read, and one may have been on none;
- and when the last look began later than this one does, the clock was set back, and what it said
  then is worth nothing: from the look before, or from when polling began.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ceql.moment import EPOCH
from elements.newest_first import Order

OVERLAP = 60  # seconds, where no pollDelay is given
BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)  # what a backfill asks from; positive in every zone
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Look:
    """One look through the listing, from its first poll to its last.

    `first` is the one that notices what there is, and tells what it knows to be newer than `since`:
    when the watch began. `fresh` says that the entry was changed, so that
    records without dates are not news. `token` is the page that comes next. `anew_at` is when the
    look was begun once more, because the provider refused that page.
    """

    started: datetime
    since: datetime
    first: bool = False
    fresh: bool = False
    token: str = ""
    pages: int = 0
    order: Order = field(default_factory=Order)
    anew_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The cursor. `scope` is where is listed, `terms` how the entry asks.

    `last` and `before` are when the last look and the one before it began; None: the first one is
    not done. `several`: the last one had several pages. `whole` is when the last one began that
    read the listing to its end, `newest_first` what that showed.
    """

    scope: str
    terms: str
    last: datetime | None = None
    before: datetime | None = None
    several: bool = False
    whole: datetime | None = None
    newest_first: bool = False
    look: Look | None = None

    @classmethod
    def of(cls, cursor: str | None, scope: str, terms: str) -> Window:
        """What a cursor says; a window that begins, where it is of another scope."""
        stored = _parsed(cursor)
        if stored.get("scope") != scope:
            return cls(scope, terms)
        window = cls(
            scope,
            stored["terms"],
            _time(stored["last"]),
            _time(stored["before"]),
            stored["several"],
            _time(stored["whole"]),
            stored["newestFirst"],
            _look(stored["look"]),
        )
        if window.terms == terms:
            return window
        return replace(window, newest_first=False, look=None)

    def written(self, terms: str) -> str:
        look = self.look
        return json.dumps(
            {
                "scope": self.scope,
                "terms": terms,
                "last": _milliseconds(self.last),
                "before": _milliseconds(self.before),
                "several": self.several,
                "whole": _milliseconds(self.whole),
                "newestFirst": self.newest_first,
                "look": look
                and {
                    "started": _milliseconds(look.started),
                    "since": _milliseconds(look.since),
                    "first": look.first,
                    "fresh": look.fresh,
                    "token": look.token,
                    "pages": look.pages,
                    "order": look.order.written(),
                    "anew": _milliseconds(look.anew_at),
                },
            },
            separators=(",", ":"),
        )

    def next_look(
        self, now: datetime, terms: str, *, backfill: bool, watched_since: datetime | None
    ) -> Look:
        """The look that a poll at `now` begins."""
        now = EPOCH + (now - EPOCH) // MILLISECOND * MILLISECOND
        if self.last is None:
            begun = now if watched_since is None else min(watched_since, now)
            return Look(now, BEGINNING if backfill else begun, first=not backfill)
        since = self.before if self.several and self.before else self.last
        if self.last > now:
            earlier = [time for time in (self.before, watched_since) if time and time <= now]
            since = max(earlier, default=now)
        return Look(now, min(since, now), fresh=self.terms != terms)

    def after(self, look: Look, *, to_the_end: bool, newest_first: bool) -> Window:
        """Where polling stands once the look is done."""
        several = look.pages > 1 and not look.first
        return replace(
            self,
            last=look.started,
            before=self.last or look.since,
            several=several,
            whole=look.started if to_the_end else self.whole,
            newest_first=newest_first if to_the_end else self.newest_first,
            look=None,
        )


def _parsed(cursor: str | None) -> dict[str, Any]:
    """{} for the cursor of a resource that was compared until now."""
    if cursor is None or not cursor.startswith("{"):
        return {}
    stored: dict[str, Any] = json.loads(cursor)
    return stored


def _look(stored: dict[str, Any] | None) -> Look | None:
    if stored is None:
        return None
    return Look(
        _at(stored["started"]),
        _at(stored["since"]),
        stored["first"],
        stored["fresh"],
        stored["token"],
        stored["pages"],
        Order(*stored["order"]),
        _time(stored.get("anew")),
    )


def _at(milliseconds: int) -> datetime:
    return EPOCH + milliseconds * MILLISECOND


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _at(milliseconds)


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else (time - EPOCH) // MILLISECOND
