"""Polls what has dates: asks a listing for what changed lately, and tells what nobody was told of.

Rule 1: what is answered is judged with an overlap to the window before (elements.window). What was
told is known by its id and fingerprint, and is not told again. What a url asks the provider for
goes back by `pollDelay`, and by a unit of what its template writes at least.
Rule 2: what may be news is news: a date is a stretch of time, and only a record that is surely
older than the window is left out. A record without a date that can be read is told when it is new
or not the same as before.
Rule 3: a listing that is sorted newest first is read to the first older record. What a look at the
whole of it has shown (elements.newest_first) is proved anew every WHOLE_EVERY, and whatever changed
since the last proof counts, so that a listing that only seemed sorted delays a record and loses
none.
Rule 4: a poll reads a number of pages and tells a number of changes; the next one, at once, goes on
from there. The window moves when a look is done.
Rule 5: the provider's page tokens do not live long: where one is refused, the look begins anew, at
once. Where that does not help it begins anew every ANEW_EVERY, and polls fail meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import ceql
from ceql.moment import Moment
from elements import run
from elements.calls import Change, Changes, ChangeType, Filtered, Page, PollCall, Unfetched
from elements.listing import (
    LISTED,
    LONGEST_ID,
    MOST_FILTERED,
    WHERE,
    Listing,
    canonical,
    digest,
    fetched,
    scope_of,
)
from elements.long_look import READ_ANEW
from elements.newest_first import Order
from elements.polled_url import asks_where
from elements.record_dates import DATES, ENTRY_TIMEZONE, TIMEZONE, RecordDates, dates_of
from elements.types import Resource
from elements.url_template import asked_from
from elements.window import OVERLAP, Look, Window
from transport.errors import ProviderError, TransportError
from transport.types import KnownObjects, Steps

PAGE = 20  # records, where nothing says which ones are wanted
PAGE_OF_WANTED = 200
MOST_PAGES = 50  # that one poll reads
MOST_TOLD = 2_000  # changes that one poll tells
LARGEST_HELD = 4_000_000  # characters of records held to be told
MOST_FETCHED = 100  # records that one poll reads one by one
WHOLE_EVERY = timedelta(hours=1)
ANEW_EVERY = timedelta(hours=1)
LONGEST_SAMPLE = 40  # characters of a date that cannot be read
TERMS = (DATES, ENTRY_TIMEZONE, "filterByUpdatedDate", "createdCheckTolerance")


class PageRefused(TransportError):
    """The provider goes on refusing the page that it said comes next."""


def changed(resource: Resource, call: PollCall) -> Steps[Changes]:
    """What was created or updated since the last look; the first one notes what there is.

    Raises ConfigurationError when the entry cannot be used, PageRefused, MalformedAnswer, and what
    the listing's requests end with.
    """
    options, url = call.entry.options, call.entry.url
    timezone = call.configuration.get(TIMEZONE, "")
    dates = dates_of(options, timezone)
    terms = digest(json.dumps([url, timezone, *(options.get(name) for name in TERMS)]))[:16]
    window = Window.of(call.cursor, scope_of(resource, call), terms)
    look = window.look or window.next_look(
        call.started_at,
        terms,
        backfill=options.get("backfill") is True,
        watched_since=call.watched_since,
    )
    overlap = timedelta(seconds=options.get("pollDelay", OVERLAP))
    wanted = asks_where(url)
    asked = asked_from(url, look.since, timedelta(seconds=options.get("pollDelay", 0)), dates)
    listing = Listing.of(resource, call, asked, PAGE_OF_WANTED if wanted else PAGE)
    since = look.since if wanted or window.whole is None else min(look.since, window.whole)
    stops = not (wanted or look.first or look.fresh) and window.newest_first
    if window.whole is None or not timedelta() <= look.started - window.whole < WHOLE_EVERY:
        stops = False
    floor = look.since - overlap if stops else None
    reading = Reading(listing, dates, look, since - overlap, floor)
    yield from _read(reading, resumed_at=None if window.look is None else call.started_at)
    found = yield from _found(reading, call)
    if reading.next is not None:
        return replace(found, cursor=replace(window, look=reading.next).written(terms), more=True)
    after = window.after(
        replace(look, pages=reading.pages),
        to_the_end=not reading.stopped,
        newest_first=not wanted and _newest_first(reading),
    )
    return replace(found, cursor=after.written(terms))


def _newest_first(reading: Reading) -> bool:
    dates = reading.dates
    judging = dates.judging
    return bool(judging) and reading.order.newest_first(
        page=reading.listing.call.page_size,
        other=dates.updated is not None and dates.created is not None,
        ids=judging[0] is dates.updated,
    )


# --- Reading -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Reading:
    """What one poll reads of a look: records changed after `since`, and those without a date.

    `floor` is where a listing that is sorted newest first may be left.
    """

    listing: Listing
    dates: RecordDates
    look: Look
    since: datetime
    floor: datetime | None
    order: Order = field(default_factory=Order)
    pages: int = 0
    told: dict[str, Change] = field(default_factory=dict)
    noticed: dict[str, str] = field(default_factory=dict)
    to_fetch: list[str] = field(default_factory=list)
    filtered: list[Filtered] = field(default_factory=list)
    size: int = 0  # characters of the records held
    sample: str | None = None  # a date that could not be read
    stopped: bool = False
    anew: bool = False  # the look begins once more
    next: Look | None = None  # where the next poll goes on; None: the look is done

    def take(self, records: list[dict[str, Any]]) -> dict[str, Seen]:
        """What of a page may be news, by id; the order and the end are noted."""
        news: dict[str, Seen] = {}
        condition = self.listing.condition
        for record in records:
            judged = self.dates.judged(record)
            old = judged is not None and judged.end <= self.since and not self._by_id
            if condition is not None and not ceql.matches(condition, record):
                if not old:
                    self._leave_out(str(run.found_at(record, self.listing.id_field)), WHERE)
                continue
            id_ = self.listing.id_of(record)
            if not self._by_id:
                self._note_unread(record, judged)
            self.order.take(id_, judged, self._other(record))
            if judged is not None and self.floor is not None and judged.end <= self.floor:
                self.stopped = True
            if old:
                continue
            if self._is_to_come(judged):
                self._leave_out(id_, "filterByCurrentDate")
            else:
                news[id_] = self._seen(record, judged)
        self.stopped &= self.order.unbroken
        return news

    def _other(self, record: Mapping[str, Any]) -> Moment | None:
        judging = self.dates.judging
        other = self.dates.created if judging[:1] == (self.dates.updated,) else self.dates.updated
        return None if other is None else other.of(record)

    @property
    def _by_id(self) -> bool:
        """Whether records are known by their ids alone, before they are read."""
        return self.listing.reads_one_by_one

    def _is_to_come(self, judged: Moment | None) -> bool:
        """Whether the record is told by a later poll."""
        if judged is None or self._by_id or not self.dates.until_start:
            return False
        return judged.start > self.look.started

    def _leave_out(self, id_: str, rule: str) -> None:
        if len(self.filtered) < MOST_FILTERED:
            self.filtered.append(Filtered(id_[:LONGEST_ID], rule))

    def _seen(self, record: dict[str, Any], judged: Moment | None) -> Seen:
        text = canonical(record)
        if self.listing.resource.lists_ids_only:
            fingerprint = LISTED
        elif self.dates.by_created and judged is not None:
            fingerprint = f"created {judged.start.isoformat()}"  # told once, however it changes
        else:
            fingerprint = digest(text)
        return Seen(record, fingerprint, None if judged is None else judged.start, len(text))

    def keep(self, news: Mapping[str, Seen], known: Mapping[str, str]) -> bool:
        """Sorts what is news of a page. False when there was no room for all of it."""
        for id_, seen in news.items():
            before = known.get(id_)
            if before == seen.fingerprint or (before == "" and self._by_id):
                continue
            if self._by_id:
                self._note_unread(seen.record, None)
            if self._is_baseline(seen):
                self.noticed[id_] = seen.fingerprint
            elif self._full(seen.size):
                return False
            elif self._by_id:
                self.to_fetch.append(id_)
            else:
                self._hold(id_, seen)
        return True

    def _is_baseline(self, seen: Seen) -> bool:
        """Return whether the record was there before the watch began, or may have been."""
        if self.look.first:
            return self._by_id or seen.since is None or seen.since < self.look.since
        return self.look.fresh and not seen.dated

    def _full(self, size: int) -> bool:
        held = len(self.told) + len(self.to_fetch)
        return held >= MOST_TOLD or (held > 0 and self.size + size > LARGEST_HELD)

    def _hold(self, id_: str, seen: Seen) -> None:
        kind = self.dates.kind(seen.record)
        self.told[id_] = Change(id_, kind, seen.record, seen.fingerprint)
        self.size += seen.size

    def _note_unread(self, record: Mapping[str, Any], judged: Moment | None) -> None:
        if self.sample is not None or not self.dates.judging:
            return
        unread = self.dates.unread(record)
        if judged is None or unread is not None:
            path = (unread or self.dates.judging[0]).path
            value = json.dumps(run.found_at(record, path))
            self.sample = f"{path} ({value[:LONGEST_SAMPLE]})"

    def begin_anew(self, now: datetime, error: ProviderError) -> None:
        """Has the next poll begin the look anew. Raises PageRefused where one just has."""
        begun = self.look.anew_at
        if begun is not None and timedelta() <= now - begun < ANEW_EVERY:
            raise PageRefused(
                "the provider refuses the next page of the listing, also since it was read from "
                f"the beginning: {error}"
            ) from error
        self.anew = True
        self.next = replace(self.look, token="", pages=0, order=Order(), anew_at=now)

    @property
    def note(self) -> str:
        if self.anew:
            return READ_ANEW
        if self.sample is None:
            return ""
        return (
            f"records without a date that can be read at {self.sample}: they are told when they "
            "are new or not the same as before"
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that may be news. `since` is the earliest time that its date stands for."""

    record: dict[str, Any]
    fingerprint: str
    since: datetime | None
    size: int

    @property
    def dated(self) -> bool:
        return self.since is not None


def _read(reading: Reading, *, resumed_at: datetime | None) -> Steps[None]:
    """Reads page by page: to the end, to the first older record, or as far as one poll goes.

    `resumed_at` is now where another poll has begun the look.
    """
    look = reading.look
    token, reading.pages, reading.order = look.token, look.pages, look.order
    before: list[str] = []
    read = 0
    while True:
        order = replace(reading.order)
        try:
            page: Page = yield from reading.listing.page(token)
        except ProviderError as error:
            unknown = error.status in (400, 404, 410, 422) and not error.is_rate_limit
            if resumed_at is None or not token or read or not unknown:
                raise
            reading.begin_anew(resumed_at, error)
            return
        news = reading.take(page.records)
        known: Mapping[str, str] = {}
        if news and not look.first:
            put_aside = reading.listing.reads_one_by_one
            known = yield KnownObjects(tuple(news), put_aside=put_aside)
        if not reading.keep(news, known):
            reading.stopped = False
            reading.next = replace(look, token=token, pages=reading.pages, order=order)
            return
        read += 1
        reading.pages += 1
        if not page.next_token or reading.stopped:
            reading.stopped &= bool(page.next_token)
            return
        ids = [reading.listing.id_of(record) for record in page.records]
        same_ids = bool(ids) and ids == before
        if reading.listing.is_last(page, token, same_ids=same_ids, pages=reading.pages):
            return
        token, before = page.next_token, ids
        if read >= MOST_PAGES:
            reading.next = replace(
                look, token=token, pages=reading.pages, order=replace(reading.order)
            )
            return


def _found(reading: Reading, call: PollCall) -> Steps[Changes]:
    """What the poll has to tell; records of which only ids are listed are read one by one."""
    asked = [one.object_id for one in call.unfetched]
    wanted = [*asked, *(id_ for id_ in reading.to_fetch if id_ not in asked)]
    untold = Changes(
        (),
        "",
        noticed=reading.noticed,
        filtered=tuple(reading.filtered),
        note=reading.note,
    )
    if not wanted:
        return replace(untold, changes=tuple(reading.told.values()))
    records = yield from fetched(reading.listing, wanted[:MOST_FETCHED])
    return replace(
        untold,
        changes=tuple(
            Change(id_, _kind(reading.dates, record), record, LISTED)
            for id_, record in records.records.items()
        ),
        unfetched=(
            *(Unfetched(id_, ChangeType.CREATED) for id_ in wanted[MOST_FETCHED:]),
            *records.unfetched,
        ),
        missing=tuple(records.missing),
    )


def _kind(dates: RecordDates, record: Mapping[str, Any]) -> ChangeType:
    """Of a record whose id is listed for the first time."""
    return dates.kind(record) if dates.created is not None else ChangeType.CREATED
