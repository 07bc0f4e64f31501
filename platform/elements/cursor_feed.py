"""Polls a listing by the provider's own cursor, as its declaration says (types.ChangeCursor).

Rule 1: a cursor is kept only with all that it covers: a poll returns it together with what the
pages up to it hold, and both are stored at once.
Rule 2: an answer without the list, or with neither a next page nor a cursor, is an error. Nothing
is taken for the end that the provider does not call the end.
Rule 3: what the provider says of an object is told: its record, or that it is deleted. That an
object is gone because a listing lacks it is never concluded: it is asked for by its id.
Rule 4: an address that an answer leads to is followed only at the element's own origin.

Theory of operation. The first reading has no cursor, and lists all that there is: it is known from
then on, by id and fingerprint, and not told. The last page has the cursor. From then on each poll
reads what changed since. Reading more than PAGES_A_POLL pages takes several polls; the position
says where the next one goes on. A page that the provider no longer knows is read again from the
cursor. When the cursor itself has expired, all is listed once more and compared with what is known,
in as many polls as that takes; what the listing lacks is asked for, and the listing's own cursor is
where the changes go on: it covers what changed while it was read.

What is told twice is told once: an object whose fingerprint is known is no news.
The cursor that is stored is "<scope>.<JSON of Position>".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from elements import listed_page, run
from elements.calls import (
    DELETED,
    Change,
    Changes,
    ChangeType,
    Gap,
    PollCall,
    Reconciliation,
    ReconciliationReason,
    Unfetched,
)
from elements.listing import Listing, canonical, digest, fetched, scope_of
from elements.types import ChangeCursor, Operation, Resource
from transport import error_body
from transport.errors import MalformedAnswer, ProviderError
from transport.types import Checkpoint, KnownObjects, ListedObjects, Request, Response, Steps

PAGES_A_POLL = 20
MAX_TOLD = 2_000  # changes from which on a poll reads no further page
MAX_CHARACTERS = 4_000_000  # of their records
MAX_FETCHED = 100  # records that one poll reads by their ids
MAX_COMPARED = 5_000  # known objects that one poll looks through
MAX_CURSOR = 8_000  # characters of a token or an address
PAGE = 100  # records, where the listing has no pages of its own
EVERYTHING = ""  # the tag under which a reconciliation notes that an object is there
# By these a provider may say that it no longer knows a page; most pages don't live long.
PAGE_UNKNOWN = frozenset({400, 404, 410, 422})


class CursorExpiredError(Exception):
    """The provider no longer knows the cursor."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next poll reads: the `page` after so many since the `cursor`.

    Without a cursor all is listed. Both are tokens or addresses.
    """

    cursor: str = ""
    page: str = ""

    @classmethod
    def of(cls, text: str | None, scope: str) -> Position | None:
        """Return what a stored cursor says; None where it is none of this scope."""
        of, _, position = (text or "").partition(".")
        return cls(**json.loads(position)) if of == scope and position.startswith("{") else None

    def text(self, scope: str) -> str:
        return f"{scope}.{json.dumps(asdict(self), separators=(',', ':'))}"


@dataclass(frozen=True, slots=True)
class CursorPage:
    """One page: its records by id, the last state of each, and what it leads to.

    Exactly one of `next_page` and `cursor` is not empty.
    """

    records: Mapping[str, Mapping[str, Any]]
    next_page: str
    cursor: str


def changed(resource: Resource, call: PollCall) -> Steps[Changes]:
    """What changed since the cursor; the first reading notes what there is and tells nothing.

    With the option `backfill` it tells all of it. Raises ConfigurationError when the entry cannot
    be used, MalformedAnswer, and what the requests end with.
    """
    source = Source.of(resource, call)
    position = Position.of(call.cursor, source.scope)
    if position is None:
        return (yield from _read(source, call, Position(), begins=True))
    if not position.cursor:
        return (yield from _read(source, call, position, begins=not position.page))
    if call.reconciliation is not None:
        return (yield from _compared(source, call, call.reconciliation))
    try:
        return (yield from _read(source, call, position, begins=False))
    except CursorExpiredError:
        return (yield from _compared(source, call, _begun(call, call.reconciliation)))


@dataclass(frozen=True, slots=True)
class Source:
    """The listing, and how it tells its changes."""

    listing: Listing
    declared: ChangeCursor
    operation: Operation  # the listing as changes are asked of it
    scope: str

    @classmethod
    def of(cls, resource: Resource, call: PollCall) -> Source:
        declared = resource.change_cursor
        assert declared is not None  # noqa: S101 - feed_of
        listing = Listing.of(resource, call, call.entry.url, _page_size(resource))
        operation = listing.operation
        if declared.vendor_path:
            operation = replace(operation, vendor_path=declared.vendor_path)
        place = run.vendor_path(operation, listing.call)
        return cls(
            listing,
            declared,
            operation,
            scope_of(resource, call, place, declared.parameter, declared.version_key),
        )

    def page(self, position: Position) -> Steps[CursorPage]:
        """Raises CursorExpiredError, ProviderError and MalformedAnswer."""
        response: Response = yield self._request(position)
        if position.cursor and not position.page and self._says_expired(response):
            raise CursorExpiredError
        records = listed_page.records_of(self.operation, response)
        paging, answer = self.operation.paging, response.json() if response.body.strip() else {}
        next_page = "" if paging is None else _token(answer, paging.next_token_key)
        cursor = "" if next_page else _token(answer, self.declared.next_key)
        if next_page and next_page == position.page:
            raise MalformedAnswer("the provider's answer leads to the same page again")
        if not next_page and not cursor:
            keys = [self.declared.next_key, *([paging.next_token_key] if paging else [])]
            raise MalformedAnswer(
                f"the provider's answer has nothing at {' and nothing at '.join(keys)}: without a "
                "cursor, changes after it would be lost"
            )
        by_id: dict[str, Mapping[str, Any]] = {}
        for record in records:
            id_ = self.listing.id_of(record)
            by_id.pop(id_, None)
            by_id[id_] = record
        return CursorPage(by_id, next_page, cursor)

    def _request(self, position: Position) -> Request:
        paging = self.operation.paging
        address = next(filter(_is_address, (position.page, position.cursor)), "")
        token = "" if _is_address(position.page) else position.page
        query = {} if paging is None else run.page_query(paging, self.listing.call, token)
        request = run.request_of(self.operation, self.listing.call, query)
        if address:
            more = {paging.token_parameter: token} if paging is not None and token else {}
            return replace(request, url=address, query=more, own_origin=True)
        if not position.cursor:
            return request
        return replace(request, query={**request.query, self.declared.parameter: position.cursor})

    def _says_expired(self, response: Response) -> bool:
        if response.ok:
            return False
        declared = self.declared
        if response.status in declared.expired_statuses:
            return True
        return error_body.says_code(response.body, declared.expired_codes)

    def is_deleted(self, record: Mapping[str, Any]) -> bool:
        """Return whether the provider says of a record that it is deleted."""
        if not self.declared.deleted_key:
            return False
        value = run.found_at(record, self.declared.deleted_key)
        if not self.declared.deleted_values:
            return value is not None and value is not False
        return value in self.declared.deleted_values

    def fingerprint(self, record: Mapping[str, Any]) -> str:
        """Raises MalformedAnswer for a record without the version that was declared."""
        if self.is_deleted(record):
            return DELETED
        if not self.declared.version_key:
            return digest(canonical(record))
        version = run.found_at(record, self.declared.version_key)
        if isinstance(version, bool) or not isinstance(version, str | int) or version == "":
            raise MalformedAnswer(
                f"a record of the provider's has no version at {self.declared.version_key}: "
                "set versionKey to where it stands"
            )
        return digest(str(version))

    def change(self, id_: str, record: Mapping[str, Any]) -> Change:
        """What is told of a record: whether it is new, what is known of it says."""
        if self.is_deleted(record):
            return Change(id_, ChangeType.DELETED, self.listing.only_id(id_), "")
        return Change(id_, ChangeType.CREATED, record, self.fingerprint(record))


# --- Reading changes ---------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """What the pages of one poll hold, by id."""

    records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    characters: int = 0

    def add(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        for id_, record in records.items():
            self.records.pop(id_, None)
            self.records[id_] = record
            self.characters += len(canonical(record))

    @property
    def is_enough(self) -> bool:
        return len(self.records) >= MAX_TOLD or self.characters >= MAX_CHARACTERS


def _read(source: Source, call: PollCall, position: Position, *, begins: bool) -> Steps[Changes]:
    """The pages from `position` on. `begins`: what was known is of another listing."""
    tells = bool(position.cursor or call.entry.options.get("backfill"))
    found, again = Found(), False
    for read in range(PAGES_A_POLL):
        try:
            page = yield from source.page(position)
        except ProviderError as error:
            if read or not _is_unknown_page(source, position.page, error):
                raise
            position, again = Position(position.cursor), True
            begins = not position.cursor
            continue
        found.add(page.records)
        position = Position(page.cursor or position.cursor, page.next_page)
        if not page.next_page or found.is_enough:
            break
        if not again:  # who loses one page may lose the next: then the error is to be seen
            so_far = _unread(source, call, found.records) if tells else _baseline(source, found)
            yield Checkpoint(_at(source, position, so_far, begins=begins))
    told = _baseline(source, found)
    if tells:
        told = yield from _told(source, call, found.records)
    return _at(source, position, told, begins=begins)


def _is_unknown_page(source: Source, page: str, error: ProviderError) -> bool:
    unknown = {*PAGE_UNKNOWN, *source.declared.expired_statuses}
    return bool(page) and error.status in unknown and not error.is_rate_limit


def _at(source: Source, position: Position, found: Changes, *, begins: bool) -> Changes:
    """What was found up to a position."""
    return replace(
        found,
        cursor=position.text(source.scope),
        picture=found.noticed if begins else None,
        noticed={} if begins else found.noticed,
        more=bool(position.page) or not position.cursor or _waits_at_once(found),
    )


def _baseline(source: Source, found: Found) -> Changes:
    known = {id_: source.fingerprint(record) for id_, record in found.records.items()}
    return Changes((), "", noticed=known)


def _unread(source: Source, call: PollCall, records: Mapping[str, Mapping[str, Any]]) -> Changes:
    """As `_told`, when nothing more is asked by this poll."""
    ready, unread = _parted(source, records)
    sure = {one.object_id for one in ready}
    waiting = {id_: Unfetched(id_, ChangeType.CREATED) for id_ in unread}
    waiting = {one.object_id: one for one in call.unfetched} | waiting
    later = tuple(one for id_, one in waiting.items() if id_ not in sure)
    return Changes(tuple(ready), "", later)


def _parted(
    source: Source, records: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Change], list[str]]:
    """What can be told of the records as they are, and the ids of those that are read first."""
    ready, unread = [], []
    for id_, record in records.items():
        if source.declared.reads_records and not source.is_deleted(record):
            unread.append(id_)
        else:
            ready.append(source.change(id_, record))
    return ready, unread


def _told(
    source: Source,
    call: PollCall,
    records: Mapping[str, Mapping[str, Any]],
    asked: Iterable[str] = (),
) -> Steps[Changes]:
    """What there is to tell of the records, of those that were put aside, and of the ids `asked`,
    which seem to be deleted. Its cursor is empty."""
    ready, unread = _parted(source, records)
    sure = {one.object_id for one in ready}
    doubted = set(asked)
    waiting = {one.object_id: one.change_type for one in call.unfetched}
    waiting |= dict.fromkeys(unread, ChangeType.CREATED) | dict.fromkeys(
        doubted, ChangeType.DELETED
    )
    wanted = [id_ for id_ in waiting if id_ not in sure]
    now, later = wanted[:MAX_FETCHED], wanted[MAX_FETCHED:]
    read = yield from fetched(source.listing, now)
    changes, unfetched, unchanged = list(ready), [], []
    for id_, record in read.records.items():
        if str(run.found_at(record, source.listing.id_field)) != id_:
            why = "the provider's answer to its id is another record"
            unfetched.append(Unfetched(id_, waiting[id_], why))
        elif id_ in doubted and not source.is_deleted(record):
            unchanged.append(id_)  # the changes after the listing tell of it
        else:
            changes.append(source.change(id_, record))
    missing = []
    for id_ in read.missing:
        if waiting[id_] is ChangeType.DELETED:
            gone = source.listing.only_id(id_)
            changes.append(Change(id_, ChangeType.DELETED, gone, ""))
        else:
            missing.append(id_)
    unfetched += [replace(one, change_type=waiting[one.object_id]) for one in read.unfetched]
    unfetched += [Unfetched(id_, waiting[id_]) for id_ in later]
    return Changes(
        tuple(changes), "", tuple(unfetched), missing=tuple(missing), unchanged=tuple(unchanged)
    )


def _waits_at_once(told: Changes) -> bool:
    """Return whether some records wait for no more than the next poll."""
    return any(not one.error and one.retry_after is None for one in told.unfetched)


# --- Comparing all that there is ---------------------------------------------------------------


def _begun(call: PollCall, before: Reconciliation | None) -> Reconciliation:
    """One that begins with this poll, also where another was under way: what that had listed may
    be gone by now."""
    since = min(call.caught_up_at or call.started_at, call.started_at)
    reason = ReconciliationReason.EXPIRED if before is None else before.reason
    since = since if before is None else min(since, before.since)
    cursor = call.cursor or ""
    return Reconciliation(reason, since, call.started_at, cursor, cursor)


def _compared(source: Source, call: PollCall, one: Reconciliation) -> Steps[Changes]:
    if one.place.get("cursor"):
        return (yield from _missed(source, call, one))
    return (yield from _listed(source, call, one))


def _listed(source: Source, call: PollCall, one: Reconciliation) -> Steps[Changes]:
    """Lists all that there is, some pages a poll, and tells what is not known as it is."""
    part, again = Part(call, one), False
    for read in range(PAGES_A_POLL):
        page_token = part.place.get("page", "")
        try:
            page = yield from source.page(Position("", page_token))
        except ProviderError as error:
            if read or not _is_unknown_page(source, page_token, error):
                raise
            part, again = Part(call, _begun(call, one)), True
            continue
        known: Mapping[str, str] = yield KnownObjects(tuple(page.records))
        part.take(source, page, known)
        if page.cursor or part.news.is_enough:
            break
        if not again:
            yield Checkpoint(part.with_found(_unread(source, call, part.news.records)))
    return part.with_found((yield from _told(source, call, part.news.records)))


@dataclass(slots=True)
class Part:
    """What one poll adds to a comparison."""

    call: PollCall
    one: Reconciliation
    news: Found = field(default_factory=Found)
    ids: list[str] = field(default_factory=list)
    place: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.place, self.counts = dict(self.one.place), dict(self.one.counts)

    def take(self, source: Source, page: CursorPage, known: Mapping[str, str]) -> None:
        """Adds a page."""
        states = {id_: source.fingerprint(record) for id_, record in page.records.items()}
        self.news.add({id_: page.records[id_] for id_ in states if known.get(id_) != states[id_]})
        self.ids += states
        alive = [id_ for id_, state in states.items() if state != DELETED]
        self.place["control"] = alive[-1] if alive else self.place.get("control", "")
        self.place |= {"page": page.next_page, "cursor": page.cursor}
        self.counts["listed"] = self.counts.get("listed", 0) + len(states)

    def with_found(self, found: Changes) -> Changes:
        return replace(
            found,
            cursor=self.call.cursor or "",
            more=True,
            reconciliation=replace(self.one, place=dict(self.place), counts=dict(self.counts)),
            listed={EVERYTHING: tuple(self.ids)},
        )


def _missed(source: Source, call: PollCall, one: Reconciliation) -> Steps[Changes]:
    """Asks for what is known and was not listed; at the end the listing's cursor is the new one."""
    after, counts = one.place.get("after", ""), dict(one.counts)
    rows: Mapping[str, tuple[str, tuple[str, ...] | None]]
    rows = yield ListedObjects(after, MAX_COMPARED)
    asked: list[str] = []
    finished = len(rows) < MAX_COMPARED
    for id_, (_, tags) in rows.items():
        if tags is None and len(asked) >= MAX_FETCHED // 2:  # the put aside want room, too
            finished = False
            break
        if tags is None:
            asked.append(id_)
        after = id_
    if asked:
        yield from _require_readable(source, one.place.get("control", ""))
    told = yield from _told(source, call, {}, asked)
    counts["asked"] = counts.get("asked", 0) + len(asked)
    cursor = call.cursor or ""
    if finished:
        cursor = Position(one.place["cursor"]).text(source.scope)
    expired = one.reason is ReconciliationReason.EXPIRED
    return replace(
        told,
        cursor=cursor,
        more=not finished or _waits_at_once(told),
        gap=Gap(one.since, one.started_at) if finished and expired else None,
        reconciliation=replace(
            one,
            resumed_at=cursor,
            place={**one.place, "after": after},
            counts=counts,
            finished=finished,
        ),
    )


def _require_readable(source: Source, listed: str) -> Steps[None]:
    """Raise MalformedAnswer where a record that is listed is not found by its id: then nothing can
    be said of others that are not found either."""
    if not listed:
        return
    read = yield from fetched(source.listing, [listed])
    if listed in read.missing:
        raise MalformedAnswer(
            "the provider does not find a record by its id that it lists: what is deleted cannot "
            "be told from it"
        )


# --- Tokens and addresses ----------------------------------------------------------------------


def _page_size(resource: Resource) -> int:
    paging = None if resource.listing is None else resource.listing.paging
    return PAGE if paging is None else paging.largest


def _token(answer: Any, key: str) -> str:
    """What stands at `key`, empty where nothing does. Raises MalformedAnswer."""
    value = run.found_at(answer, key)
    if value is None or value is False or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise MalformedAnswer(f"{key} in the provider's answer is no token and no address")
    if len(str(value)) > MAX_CURSOR:
        raise MalformedAnswer(f"{key} in the provider's answer is longer than {MAX_CURSOR}")
    return str(value)


def _is_address(token: str) -> bool:
    return token.startswith(("http://", "https://"))
