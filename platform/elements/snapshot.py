"""Polls what has no change feed: reads the whole listing and compares it with what was known.

Rule 1: what a listing doesn't hold to its end is not judged by: an error in any page ends the poll,
and nothing is deleted by it.
Rule 2: a record is known by its id and the fingerprint of its state; records are held only as long
as they may have to be told.
Rule 3: records move between pages while these are read. What a listing of several pages lacks is
deleted only if a second one at once lacks it too; so it is when the listing is suddenly empty.

The cursor is "<scope>.<digest>": what is listed and how, and the state of all that was listed. The
same cursor again is the same listing again, and nobody need be asked what is known. A digest of "-"
stands for a state that was not told whole. Another scope begins anew: its first poll takes the
picture and tells nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

import ceql
from ceql import Condition
from elements import run
from elements.calls import Call, Change, Changes, ChangeType, PollCall, Unfetched
from elements.errors import ConfigurationError
from elements.polled_url import asked_by
from elements.side_by_side import side_by_side
from elements.types import Operation, Resource
from transport.errors import MalformedAnswer, ProviderError, TransportError
from transport.types import KnownObjects, Steps

MOST_RECORDS = 50_000  # of one listing
MOST_TOLD = 2_000  # changes that one poll tells; the next one, at once, tells more
LARGEST_HELD = 4_000_000  # characters of records held to be told
MOST_FETCHED = 100  # records that one poll reads one by one
PAGE = 200  # records, where neither the entry nor the provider says
LARGEST_PAGE = 1_000
LONGEST_ID = 500  # characters
LISTED = "listed"  # the fingerprint where nothing but ids is listed
UNTOLD = "-"
BASE_URL = "base.url"


class ListingTooLong(TransportError):
    """The listing has more records than a poll compares."""


def feed_of(resource: Resource) -> Callable[[PollCall], Steps[Changes]] | None:
    """What polls the resource: its own change feed, else comparing its listing. None: nothing."""
    if resource.changes is not None:
        return resource.changes
    return partial(compared, resource) if resource.can_be_polled else None


def compared(resource: Resource, call: PollCall) -> Steps[Changes]:
    """What was created, updated and deleted since the last poll; the first one takes the picture.

    Raises ConfigurationError when the entry cannot be used, ListingTooLong, MalformedAnswer, and
    what the listing's requests end with.
    """
    listing = Listing.of(resource, call)
    if (call.cursor or "").partition(".")[0] != listing.scope:
        look = Look(listing, hold=False)
        yield from _read(look)
        return Changes((), look.cursor, picture=look.seen, compared=True)
    look = Look(listing)
    yield from _read(look)
    if look.cursor == call.cursor and not call.unfetched:
        return Changes((), look.cursor)
    if look.known is None:
        look.compare((yield KnownObjects(everything=True)))
    gone, sure = yield from _gone(look)
    if listing.reads_one_by_one:
        found = yield from _fetched(look, call, gone)
    else:
        found = Changes(tuple(look.changed()), "", missing=look.never_told(gone))
    told = look.deleted(gone)
    room = max(MOST_TOLD - len(found.changes) - len(found.unfetched), 0)
    more = look.more or len(told) > room
    return replace(
        found,
        changes=(*found.changes, *told[:room]),
        cursor=look.cursor if sure and not more else f"{listing.scope}.{UNTOLD}",
        compared=True,
        more=more,
    )


# --- The listing ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, and what of a record counts."""

    resource: Resource
    operation: Operation
    call: Call
    condition: Condition | None
    id_field: str
    scope: str

    @classmethod
    def of(cls, resource: Resource, call: PollCall) -> Listing:
        operation = resource.listing
        if operation is None:
            raise ConfigurationError(resource.name, "has no listing")
        entry = call.entry
        asked = asked_by(entry.url, operation)
        id_field = entry.id_field or resource.id_field
        listed = Call(call.configuration, asked.query)
        size = asked.page_size or entry.options.get("pageSize") or _page_size(operation)
        scope = [
            run.vendor_path(operation, listed),
            operation.root_key,
            resource.lists_ids_only,
            call.configuration.get(BASE_URL, ""),
            entry.url,
            id_field,
        ]
        return cls(
            resource,
            operation,
            replace(listed, page_size=min(int(size), LARGEST_PAGE)),
            asked.condition,
            id_field,
            _digest(json.dumps(scope))[:16],
        )

    @property
    def reads_one_by_one(self) -> bool:
        return self.resource.lists_ids_only and self.resource.reading is not None

    def id_of(self, record: Mapping[str, Any]) -> str:
        value = run.found_at(record, self.id_field)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise MalformedAnswer(
                f"a record that the provider lists has no id at {self.id_field}: "
                "set idField to where it stands"
            )
        text = str(value)
        if len(text) > LONGEST_ID or not _can_be_stored(text):
            raise MalformedAnswer(f"the id of a record is not text of 1 to {LONGEST_ID} characters")
        return text

    def only_id(self, object_id: str) -> dict[str, Any]:
        """The record of which nothing is left but its id, where the id stands."""
        value: Any = object_id
        for part in reversed(self.id_field.split(".")):
            value = {part: value}
        record: dict[str, Any] = value
        return record


def _page_size(operation: Operation) -> int:
    return PAGE if operation.paging is None else operation.paging.largest


def _can_be_stored(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


@dataclass(slots=True)
class Look:
    """One look through a listing. With `hold`, records that may have to be told are kept."""

    listing: Listing
    hold: bool = True
    seen: dict[str, str] = field(default_factory=dict)  # fingerprints by id
    known: Mapping[str, str] | None = None
    pages: int = 0
    more: bool = False  # there was no room for all that may have to be told
    _held: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)
    _size: int = 0  # characters of the records held

    def take(self, records: list[dict[str, Any]]) -> list[str]:
        """Looks at one page; the ids that it lists."""
        ids: list[str] = []
        condition = self.listing.condition
        for record in records:
            if condition is not None and not ceql.matches(condition, record):
                continue
            id_ = self.listing.id_of(record)
            ids.append(id_)
            text = json.dumps(record, sort_keys=True, separators=(",", ":"))
            self.seen[id_] = LISTED if self.listing.resource.lists_ids_only else _digest(text)
            if self.hold:
                self._keep(id_, record, len(text))
        if len(self.seen) > MOST_RECORDS:
            raise ListingTooLong(
                f"{self.listing.resource.name} lists more than {MOST_RECORDS} records, which is "
                "more than a poll compares: list fewer by where or a parameter of the url"
            )
        self.pages += 1
        return ids

    @property
    def crowded(self) -> bool:
        """Whether so much is held that it must be known now what need not be."""
        return self.known is None and (len(self._held) > MOST_TOLD or self._size > LARGEST_HELD)

    def compare(self, known: Mapping[str, str]) -> None:
        """Lets go of what is as it is known, and of what there is no room for."""
        self.known = known
        held, self._held, self._size = self._held, {}, 0
        for id_, (record, size) in held.items():
            self._keep(id_, record, size)

    def _keep(self, id_: str, record: dict[str, Any], size: int) -> None:
        _, before = self._held.pop(id_, (None, 0))
        self._size -= before
        if self.known is not None:
            if self._as_known(id_):
                return
            if len(self._held) >= MOST_TOLD or (self._held and self._size + size > LARGEST_HELD):
                self.more = True
                return
        self._held[id_] = (record, size)
        self._size += size

    def _as_known(self, id_: str) -> bool:
        fingerprint = (self.known or {}).get(id_)
        if fingerprint == "" and self.listing.reads_one_by_one:
            return True  # it is put aside, and comes up by itself
        return fingerprint == self.seen[id_]

    @property
    def new_or_changed(self) -> list[str]:
        return list(self._held)

    def changed(self) -> list[Change]:
        known = self.known or {}
        return [
            Change(
                id_,
                ChangeType.UPDATED if known.get(id_) else ChangeType.CREATED,
                record,
                self.seen[id_],
            )
            for id_, (record, _) in self._held.items()
        ]

    def deleted(self, gone: list[str]) -> list[Change]:
        known = self.known or {}
        only_id = self.listing.only_id
        return [Change(id_, ChangeType.DELETED, only_id(id_), "") for id_ in gone if known.get(id_)]

    def never_told(self, gone: list[str]) -> tuple[str, ...]:
        """Of those that are gone, the ones that were put aside and never read."""
        known = self.known or {}
        return tuple(id_ for id_ in gone if not known.get(id_))

    @property
    def cursor(self) -> str:
        text = "\n".join(f"{id_}\0{self.seen[id_]}" for id_ in sorted(self.seen))
        return f"{self.listing.scope}.{_digest(text)}"


def _read(look: Look) -> Steps[None]:
    """Looks at every page."""
    listing, token = look.listing, ""
    before: list[str] = []
    while True:
        page = yield from run.list_steps(listing.operation, replace(listing.call, page_token=token))
        ids = look.take(page.records)
        if look.crowded:
            look.compare((yield KnownObjects(everything=True)))
        if not page.next_token:
            return
        if page.next_token == token or (ids and ids == before):
            raise MalformedAnswer(
                "the provider answers the same page again and again: "
                "the paging of the resource is not the provider's"
            )
        token, before = page.next_token, ids


def _gone(look: Look) -> Steps[tuple[list[str], bool]]:
    """What is known and listed no more, and whether the listing showed everything there is."""
    gone = [id_ for id_ in look.known or {} if id_ not in look.seen]
    if not gone or (look.pages == 1 and look.seen):
        return gone, True
    again = Look(look.listing, hold=False)
    yield from _read(again)
    still_gone = [id_ for id_ in gone if id_ not in again.seen]
    return still_gone, len(still_gone) == len(gone)


def _fetched(look: Look, call: PollCall, gone: list[str]) -> Steps[Changes]:
    """The records of what is new and of what was put aside, read one by one."""
    lost = set(gone)
    asked = [one.object_id for one in call.unfetched if one.object_id not in lost]
    wanted = [*asked, *(id_ for id_ in look.new_or_changed if id_ not in asked)]
    now, later = wanted[:MOST_FETCHED], wanted[MOST_FETCHED:]
    outcomes = yield from side_by_side(_reading(look.listing, id_) for id_ in now)
    changes: list[Change] = []
    missing = list(look.never_told(gone))
    unfetched = [Unfetched(id_, ChangeType.CREATED) for id_ in later]
    for id_, outcome in zip(now, outcomes, strict=True):
        if isinstance(outcome, ProviderError) and outcome.status in (404, 410):
            missing.append(id_)
        elif isinstance(outcome, TransportError):
            pause = outcome.retry_after if isinstance(outcome, ProviderError) else None
            unfetched.append(Unfetched(id_, ChangeType.CREATED, str(outcome), pause))
        else:
            changes.append(Change(id_, ChangeType.CREATED, outcome, LISTED))
    return Changes(tuple(changes), "", tuple(unfetched), tuple(missing))


def _reading(listing: Listing, object_id: str) -> Steps[dict[str, Any]]:
    operation = listing.resource.reading
    assert operation is not None  # noqa: S101 - reads_one_by_one
    call = Call(listing.call.configuration, path={"id": object_id})
    try:
        record = yield from run.answer_steps(operation, call)
    except ConfigurationError as error:
        raise TransportError(str(error)) from error
    if not isinstance(record, dict):
        raise MalformedAnswer("the provider's answer is not a JSON object")
    return record
