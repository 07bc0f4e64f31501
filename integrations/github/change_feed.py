"""What of a repository's list changed since the last poll: for lists in the order of their changes.

Rule 1: the newest page is asked for with the ETag of the last time. A 304 costs nothing of the rate
limit, and ends the poll.
Rule 2: what was read is read once more before `since` moves past it, and then to MARGIN before its
end: GitHub reads its lists from copies, where a change may appear after a later one, and what is
deleted between two pages may hide a record. What is seen again is known by its fingerprint.
Rule 3: an ETag stands for one address, and for what was read whole and brought nothing new.
Rule 4: times are GitHub's. Ours are compared with none of them. What is dated later than the answer
itself (issues that somebody has imported) is told, and moves nothing: all that comes until then
would be older.

The cursor is JSON (`Cursor`). The first poll, and the first of another repository, takes the
baseline of the margin and tells nothing; what changed between the connection and a first poll that
came late is told by the next one. A repository under a new name is no other one: it is read on. A
list that is switched off is empty.

What one page doesn't hold is read on from there, at most PAGES_A_POLL at once; the cursor then says
where the next poll, at once, goes on:

- where the list takes `since`, from the oldest change up. After each page, that is the time of its
  last record: nothing is skipped, whatever is changed or deleted meanwhile.
- else from the newest down to `since`, along the Link header: what is changed meanwhile comes to
  the top, for the next poll, and pushes others only further down.

https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from elements.calls import Change, Changes, ChangeType, PollCall
from integrations.github.api import (
    LAST_TIME,
    answered_at,
    etag_of,
    get,
    is_empty,
    path_of,
    records_of,
    repository_of,
    time_of,
)
from transport.errors import ProviderError
from transport.types import KnownObjects, QueryValue, Response, Steps

MARGIN = timedelta(seconds=60)
PAGES_A_POLL = 10
PAGE = 100  # records, the most that GitHub gives
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
UNREACHABLE = (301, 403, 404, 410, 451)  # a repository that is gone, or is shown to others only


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record of a list. `at` is when it changed last."""

    object_id: str
    fingerprint: str
    at: datetime
    created_at: datetime
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class List:
    """A list of the repository at `path`, newest change first when asked with `newest_first`.

    `sighting` reads a record; None for one that is no object of this list. With `oldest_first` the
    list takes `since`, and that order.
    """

    path: str
    newest_first: Mapping[str, QueryValue]
    sighting: Callable[[Mapping[str, Any]], Sighting | None]
    dated: str = "updated_at"
    oldest_first: Mapping[str, QueryValue] | None = None

    @property
    def takes_since(self) -> bool:
        return self.oldest_first is not None


@dataclass(frozen=True, slots=True)
class Cursor:
    """From `since` to `read_to` everything has been read once; times as GitHub writes them.

    While one reading takes several polls, `on` is the query of its next page, `newest` what it
    leads to, and `late` whether it has found something that was passed over before.
    """

    repository: str
    since: str
    read_to: str
    etag: str = ""
    on: Mapping[str, QueryValue] = field(default_factory=dict)
    newest: str = ""
    late: bool = False

    def text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def of(cls, text: str | None) -> Cursor | None:
        return None if text is None else cls(**json.loads(text))


def changes(of: List, call: PollCall) -> Steps[Changes]:
    """What was created or changed since the last poll. Nothing is known here of what was deleted.

    Raises ParameterError where no repository is configured, ProviderError and MalformedAnswer.
    """
    repository = repository_of(call.configuration)
    cursor = Cursor.of(call.cursor)
    if cursor is not None and cursor.repository != repository:
        renamed = yield from _are_one(cursor.repository, repository)
        cursor = replace(cursor, repository=repository, etag="") if renamed else None
    if cursor is None:
        elapsed = None
        if call.cursor is None and call.watched_since is not None:
            elapsed = call.started_at - call.watched_since
        return (yield from _baseline(of, repository, elapsed))
    if cursor.on:
        return (yield from _read_on(of, cursor, []))
    query = {**of.newest_first, "per_page": PAGE}
    if of.takes_since:
        query["since"] = cursor.since
    response = yield from get(
        path_of(repository, of.path), query, etag=cursor.etag, may_be_empty=True
    )
    if response.status == 304 or is_empty(response):
        return Changes((), cursor.text())
    page = Page.of(of, response)
    newest = _written(page.read_to) if page.read_to else cursor.read_to
    cursor = replace(cursor, etag=etag_of(response), newest=newest)
    if not page.more or (not of.takes_since and page.reaches(cursor)):
        return (yield from _told(of, page.sightings[::-1], cursor))
    if not of.takes_since:
        return (yield from _read_on(of, replace(cursor, on=page.more), page.sightings))
    on = {**(of.oldest_first or {}), "per_page": PAGE, "since": cursor.since, "page": 1}
    return (yield from _read_on(of, replace(cursor, on=on), []))


def _are_one(before: str, after: str) -> Steps[bool]:
    """Whether both names lead to the same repository. GitHub redirects a name that was given up.

    Raises ProviderError where it cannot be known now.
    """
    ids = []
    for name in (before, after):
        try:
            repository = (yield from get(path_of(name, ""))).object()
        except ProviderError as error:
            if error.status in UNREACHABLE and not error.is_rate_limit:
                return False
            raise
        ids.append(repository.get("id"))
    return ids[0] is not None and ids[0] == ids[1]


def _baseline(of: List, repository: str, elapsed: timedelta | None) -> Steps[Changes]:
    """Where the list stands now, and what need not be told although it lies within the margin.

    `elapsed` is how long ago the watch began; what changed since then is told by the next poll, at
    once. None: it begins now.
    """
    query = {**of.newest_first, "per_page": PAGE}
    response = yield from get(path_of(repository, of.path), query, may_be_empty=True)
    begun = _begun(response, elapsed)
    if is_empty(response):
        since = begun or BEGINNING
        return Changes((), Cursor(repository, _written(since), _written(since)).text(), picture={})
    page = Page.of(of, response)
    read_to = page.read_to or begun
    if read_to is not None and begun is not None:
        read_to = min(read_to, begun)
    since = read_to - MARGIN if read_to else BEGINNING
    if page.more and page.oldest and read_to:
        since = min(max(since, page.oldest), read_to)
    known = {
        one.object_id: one.fingerprint
        for one in page.sightings[::-1]
        if one.at >= since and (begun is None or one.at < begun)
    }
    cursor = Cursor(repository, _written(since), _written(read_to or since))
    late = begun is not None and any(one.at >= begun for one in page.sightings)
    return Changes((), cursor.text(), picture=known, more=late)


def _begun(response: Response, elapsed: timedelta | None) -> datetime | None:
    """When the watch began by GitHub's clock, to the second before: its times have no fractions."""
    now = answered_at(response)
    if elapsed is None or now == LAST_TIME:
        return None
    return (now - elapsed).replace(microsecond=0)


# --- Pages ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    """`newest` and `oldest` are of all its records, `read_to` is the newest that is not of the
    future; `more` is the query of the next page."""

    sightings: list[Sighting]
    newest: datetime | None
    oldest: datetime | None
    read_to: datetime | None
    more: Mapping[str, QueryValue]

    @classmethod
    def of(cls, list_: List, response: Response) -> Page:
        records = records_of(response)
        times = [time_of(record, list_.dated) for record in records]
        read = [list_.sighting(record) for record in records]
        return cls(
            [one for one in read if one is not None],
            max(times, default=None),
            min(times, default=None),
            max((time for time in times if time <= answered_at(response)), default=None),
            {**response.next_query},
        )

    def reaches(self, cursor: Cursor) -> bool:
        """Whether nothing further down changed since."""
        return self.oldest is None or self.oldest < _time(cursor.since)


def _read_on(of: List, cursor: Cursor, found: list[Sighting]) -> Steps[Changes]:
    """The pages from `cursor.on`, after what was `found` before them."""
    if of.takes_since:
        on, read_to = yield from _upwards(of, cursor, found)
        if not on and read_to is not None:
            cursor = replace(cursor, newest=_written(read_to))
    else:
        on = yield from _downwards(of, cursor, found)
        found.reverse()
    return (yield from _told(of, found, replace(cursor, on=on)))


def _upwards(
    of: List, cursor: Cursor, found: list[Sighting]
) -> Steps[tuple[Mapping[str, QueryValue], datetime | None]]:
    """Reads pages oldest change first. The query of the next one, empty after the last; and what
    they lead to, None where that is nothing new."""
    on = dict(cursor.on)
    read_to: datetime | None = None
    for _ in range(PAGES_A_POLL):
        page = Page.of(of, (yield from get(path_of(cursor.repository, of.path), on)))
        found += page.sightings
        read_to = page.read_to or read_to
        if not page.more or page.newest is None:
            return {}, read_to
        if page.newest > _time(str(on["since"])):
            on |= {"since": _written(page.newest), "page": 1}
        else:  # more than a page within one second
            on["page"] = int(on["page"]) + 1  # type: ignore[arg-type]
    if on["since"] != cursor.on["since"]:
        on["page"] = 1  # until the next poll, pages may shift
    return on, read_to


def _downwards(of: List, cursor: Cursor, found: list[Sighting]) -> Steps[Mapping[str, QueryValue]]:
    """Reads pages newest change first, as far as `since`. The query of the next, empty at last."""
    on = cursor.on
    for _ in range(PAGES_A_POLL):
        page = Page.of(of, (yield from get(path_of(cursor.repository, of.path), on)))
        found += page.sightings
        if not page.more or page.reaches(cursor):
            return {}
        on = page.more
    return on


# --- Telling -------------------------------------------------------------------------------------


def _told(of: List, sightings: Sequence[Sighting], cursor: Cursor) -> Steps[Changes]:
    """What of the sightings, oldest change first, isn't known yet; in the end `since` moves."""
    since, read_to, late = _time(cursor.since), _time(cursor.read_to), cursor.late
    recent = [one for one in sightings if one.at >= since]
    ids = tuple(dict.fromkeys(one.object_id for one in recent))
    known: Mapping[str, str] = (yield KnownObjects(ids=ids)) if ids else {}
    told = []
    for one in _unknown(recent, known):
        is_new = one.created_at >= since and one.object_id not in known
        change_type = ChangeType.CREATED if is_new else ChangeType.UPDATED
        told.append(Change(one.object_id, change_type, one.record, one.fingerprint))
        late = late or one.at <= read_to
    if cursor.on:
        return Changes(tuple(told), replace(cursor, late=late).text(), more=True)
    after = cursor.since if late else _written(max(read_to - MARGIN, since))
    same_address = after == cursor.since or not of.takes_since
    etag = cursor.etag if same_address and not told else ""
    newest = _written(max(_time(cursor.newest), read_to))
    return Changes(tuple(told), Cursor(cursor.repository, after, newest, etag).text())


def _unknown(sightings: Sequence[Sighting], known: Mapping[str, str]) -> Iterator[Sighting]:
    """Those after the one that is known of the same object; no state twice in a row."""
    last_known = {
        one.object_id: place
        for place, one in enumerate(sightings)
        if known.get(one.object_id) == one.fingerprint
    }
    told: dict[str, str] = {}
    for place, one in enumerate(sightings):
        if place <= last_known.get(one.object_id, -1):
            continue
        if told.get(one.object_id) != one.fingerprint:
            told[one.object_id] = one.fingerprint
            yield one


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _written(time: datetime) -> str:
    """As GitHub writes times."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
