"""Polls what has no change feed: reads the whole listing and compares it with what was known.

Rule 1: what a listing doesn't hold to its end is not judged by: an error in any page ends the poll,
and nothing is deleted by it.
Rule 2: a record is known by its id and the fingerprint of its state; records are held only as long
as they may have to be told.
Rule 3: records move between pages while these are read. What a listing of several pages lacks is
deleted only if a second one at once lacks it too; so it is when the listing is suddenly empty. Only
a deletion before a record moves it out of sight, so the second one must still have all that the
first one had, or a third one all that the second one had; else the next poll looks again.
Rule 4: that most of what is known is gone at once is never told from a single poll. Those records
are marked as missing (elements.missing); the next poll tells of those that it misses, too.

Rule 5: a listing that no single poll can read to its end is read in steps. Wherever a poll is cut
short, the look's place stands in the cursor (elements.long_look), and what it has found until then
is told. Such a look takes long, and records move meanwhile: what it does not list is asked for by
its id, and deleted only if the provider has it no more.

The cursor is "<scope>.<digest>": what is listed and how, and the state of all that was listed. The
same cursor again is the same listing again, and nobody need be asked what is known. A digest of "-"
stands for a state that was not told whole. Another scope begins anew: its first poll takes the
picture and tells nothing. With a backfill it tells of all that is not known as it is, in as many
polls as that takes, and of nothing that is gone.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ceql
from elements import run
from elements.calls import Change, Changes, ChangeType, Filtered, PollCall, Unfetched
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
from elements.long_look import LARGEST, READ_ANEW, Place
from elements.missing import Known
from elements.types import Resource
from transport.errors import MalformedAnswer, ProviderError, TransportError
from transport.types import Checkpoint, KnownObjects, Steps

MOST_RECORDS = 50_000  # of one listing
MAX_LEFT_OUT = 500_000  # records beside them that a condition leaves out: numbers in memory
MOST_TOLD = 2_000  # changes that one poll tells; the next one, at once, tells more
LARGEST_HELD = 4_000_000  # characters of records held to be told
MOST_FETCHED = 100  # records that one poll reads one by one
LOOKS = 3  # through the whole listing, at most
PAGE = 200  # records, where neither the entry nor the provider says
UNTOLD = "-"
MANY_PAGES = 5  # from where a poll may take too long: what it has found then is told all the same
LISTED_NO_MORE = "records are listed no more by a listing that takes several polls: "
ASKED_FOR = "they are told as deleted once the provider says of each that it is gone"
NOT_ASKED_FOR = "they are not told as deleted, for the element cannot read one by its id"


class ListingTooLong(TransportError):
    """The listing has more records than a poll compares."""


def compared(resource: Resource, call: PollCall) -> Steps[Changes]:
    """What was created, updated and deleted since the last poll; the first one takes the picture.

    Raises ConfigurationError when the entry cannot be used, ListingTooLong, MalformedAnswer, and
    what the listing's requests end with.
    """
    listing = Listing.of(resource, call, call.entry.url, _page_size(resource))
    scope = scope_of(resource, call, call.entry.url)
    place = Place.of(call.cursor, scope)
    begins = (call.cursor or "").partition(".")[0] != scope if place is None else place.begins
    takes_picture = begins and not call.entry.options.get("backfill")
    look = Look(listing, scope, hold=not takes_picture)
    look.resume(place or Place(begins))
    try:
        yield from _read(look, in_steps=True)
    except ProviderError as error:
        if place is None or look.resumed_at < look.pages or not place.is_unknown(error):
            raise
        return Changes((), Place(begins).written(scope), note=READ_ANEW)
    if takes_picture:
        return Changes(
            (), look.cursor, picture=look.seen, compared=True, filtered=tuple(look.filtered)
        )
    if look.cursor == call.cursor and not call.unfetched:
        return Changes((), look.cursor, filtered=tuple(look.filtered))
    known = look.known or Known((yield KnownObjects(everything=True)))
    if look.known is None:
        look.compare(known)
    if place is not None:
        return (yield from _ended(look, known, call))
    gone, sure, still = yield from _gone(look)
    if listing.reads_one_by_one:
        found = yield from _fetched(look, call, gone)
    else:
        found = Changes(tuple(look.changed()), "", missing=look.never_told(gone))
    doubtful = () if begins else known.in_doubt(gone, still=still)
    told = [] if begins else look.deleted(gone, doubtful)
    room = max(MOST_TOLD - len(found.changes) - len(found.unfetched), 0)
    more = look.more or len(told) > room
    whole = sure and not more and not doubtful
    return replace(
        found,
        changes=(*found.changes, *told[:room]),
        cursor=look.cursor if whole else f"{scope}.{UNTOLD}",
        compared=True,
        # What follows at once is no second look: it has to come from a later poll.
        noticed=known.marks(look.seen, () if more else doubtful),
        forgotten=tuple(gone) if begins else (),
        filtered=tuple(look.filtered),
        more=more,
        note=known.note(doubtful),
    )


def _page_size(resource: Resource) -> int:
    paging = None if resource.listing is None else resource.listing.paging
    return PAGE if paging is None else paging.largest


@dataclass(slots=True)
class Look:
    """One look through a listing. With `hold`, records that may have to be told are kept."""

    listing: Listing
    scope: str
    hold: bool = True
    seen: dict[str, str] = field(default_factory=dict)  # fingerprints by id
    known: Known | None = None
    pages: int = 0
    more: bool = False  # there was no room for all that may have to be told
    filtered: list[Filtered] = field(default_factory=list)  # some of what the condition leaves out
    left_out: set[int] = field(default_factory=set)  # hashes of ids that the condition leaves out
    _held: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)
    _size: int = 0  # characters of the records held
    place: Place = field(default_factory=lambda: Place(begins=False))
    resumed_at: int = 0  # pages that were read before

    def resume(self, place: Place) -> None:
        """Goes on from a place."""
        self.place, self.more = place, place.untold
        self.pages = self.resumed_at = place.pages
        self.seen.update(place.seen)

    def so_far(self, token: str) -> Changes | None:
        """What stands when no page after these is read by this poll; None where that cannot be
        told, or would be too much to keep."""
        if self.place.size > LARGEST or (self.hold and self.known is None):
            return None
        self.place.token, self.place.untold = token, self.more
        by_id = self.listing.reads_one_by_one
        put_aside = self._held if self.hold and by_id else ()
        return Changes(
            () if by_id else tuple(self.changed()),
            self.place.written(self.scope),
            tuple(Unfetched(id_, ChangeType.CREATED) for id_ in put_aside),
            compared=True,
            more=True,
            filtered=tuple(self.filtered),
            note=f"the listing is read in several polls: {len(self.seen)} records until now",
        )

    def take(self, records: list[dict[str, Any]]) -> list[str]:
        """Looks at one page; the ids that it lists."""
        ids: list[str] = []
        condition = self.listing.condition
        for record in records:
            if condition is not None and not ceql.matches(condition, record):
                self._leave_out(record)
                continue
            id_ = self.listing.id_of(record)
            ids.append(id_)
            text = canonical(record)
            self.seen[id_] = LISTED if self.listing.resource.lists_ids_only else digest(text)
            if self.hold:
                self._keep(id_, record, len(text))
        self._require_bounds()
        self.pages += 1
        return ids

    def _require_bounds(self) -> None:
        name = self.listing.resource.name
        if len(self.seen) > MOST_RECORDS:
            raise ListingTooLong(
                f"{name} lists more than {MOST_RECORDS} records, which is more than a poll "
                "compares: list fewer by where or a parameter of the url"
            )
        if len(self.left_out) > MAX_LEFT_OUT:
            raise ListingTooLong(
                f"{name} lists more than {MAX_LEFT_OUT} records that the where of its url leaves "
                "out, which is more than a poll reads: list fewer by a parameter of the url"
            )

    def _leave_out(self, record: Mapping[str, Any]) -> None:
        id_ = str(run.found_at(record, self.listing.id_field))[:LONGEST_ID]
        self.left_out.add(hash(id_))
        if len(self.filtered) < MOST_FILTERED:
            self.filtered.append(Filtered(id_, WHERE))

    def has_all_of(self, other: Look) -> bool:
        """Return whether nothing that `other` listed is listed no more."""
        mine = self.left_out.union(map(hash, self.seen))
        return mine.issuperset(map(hash, other.seen)) and mine.issuperset(other.left_out)

    @property
    def crowded(self) -> bool:
        """Whether so much was read that it must be known now what need not be held: also to be told
        should the poll get no further."""
        much = len(self._held) > MOST_TOLD or self._size > LARGEST_HELD
        return self.known is None and self.hold and (much or self.pages >= MANY_PAGES)

    def compare(self, known: Known) -> None:
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
        fingerprint = self._known_as(id_)
        if fingerprint == "" and self.listing.reads_one_by_one:
            return True  # it is put aside, and comes up by itself
        return fingerprint == self.seen[id_]

    @property
    def new_or_changed(self) -> list[str]:
        return list(self._held)

    def changed(self) -> list[Change]:
        return [
            Change(
                id_,
                ChangeType.UPDATED if self._known_as(id_) else ChangeType.CREATED,
                record,
                self.seen[id_],
            )
            for id_, (record, _) in self._held.items()
        ]

    def deleted(self, gone: list[str], doubtful: Collection[str]) -> list[Change]:
        return [
            Change(id_, ChangeType.DELETED, self.listing.only_id(id_), "")
            for id_ in gone
            if self._known_as(id_) and id_ not in doubtful
        ]

    def never_told(self, gone: list[str]) -> tuple[str, ...]:
        """Of those that are gone, the ones that were put aside and never read."""
        return tuple(id_ for id_ in gone if not self._known_as(id_))

    def _known_as(self, id_: str) -> str | None:
        return None if self.known is None else self.known.fingerprints.get(id_)

    @property
    def cursor(self) -> str:
        text = "\n".join(f"{id_}\0{self.seen[id_]}" for id_ in sorted(self.seen))
        return f"{self.scope}.{digest(text)}"


def _read(look: Look, *, in_steps: bool = False) -> Steps[None]:
    """Looks at every page, from where the look stands."""
    listing, token = look.listing, look.place.token
    before: list[str] = []
    while True:
        page = yield from listing.page(token)
        ids = look.take(page.records)
        _require_another_page(listing, ids, before)
        if look.crowded:
            look.compare(Known((yield KnownObjects(everything=True))))
        if listing.is_last(page, token, same_ids=bool(ids) and ids == before, pages=look.pages):
            return
        token, before = page.next_token, ids
        if in_steps:
            look.place.add({id_: look.seen[id_] for id_ in ids})
            if (so_far := look.so_far(token)) is not None:
                yield Checkpoint(so_far)


def _require_another_page(listing: Listing, ids: list[str], before: list[str]) -> None:
    """Raise MalformedAnswer where most of a numbered page stood on the page before it.

    It is that page again, moved on by what was created meanwhile: the provider reads no number. Or
    so much is created that nobody could say what is gone.
    """
    if listing.is_numbered and ids != before and 2 * len({*ids} & {*before}) > len(before):
        raise MalformedAnswer(
            "most of a page that the provider answers stood on the page before it: the paging of "
            "the resource is not the provider's, or its records move too fast to be compared"
        )


def _gone(look: Look) -> Steps[tuple[list[str], bool, bool]]:
    """What is known and listed no more, whether the listing showed everything there is, and whether
    it stood still while it was read."""
    known = {} if look.known is None else look.known.fingerprints
    gone = [id_ for id_ in known if id_ not in look.seen]
    if not gone or (look.pages == 1 and look.seen):
        return gone, True, True
    still_gone, before = gone, look
    for _ in range(LOOKS - 1):
        again = Look(look.listing, look.scope, hold=False)
        yield from _read(again)
        still_gone = [id_ for id_ in still_gone if id_ not in again.seen]
        if not still_gone or again.has_all_of(before):
            return still_gone, len(still_gone) == len(gone), True
        before = again
    return still_gone, False, False


def _ended(look: Look, known: Known, call: PollCall) -> Steps[Changes]:
    """What the last poll of a look through a long listing has to tell."""
    if look.listing.reads_one_by_one:
        found = yield from _fetched(look, call, [])
    else:
        found = Changes(tuple(look.changed()), "")
    begins, more = look.place.begins, look.more
    gone = [id_ for id_, one in known.fingerprints.items() if one and id_ not in look.seen]
    doubtful = () if begins else known.in_doubt(gone)
    lost: list[str] = []
    if not begins and not more:
        lost = yield from _lost(look, [id_ for id_ in gone if id_ not in doubtful])
    left = len(gone) - len(lost) - len(doubtful)
    whole = not (more or doubtful) and (begins or not left)
    note = known.note(doubtful)
    if left and not begins and not more:
        why = ASKED_FOR if look.listing.can_read_one else NOT_ASKED_FOR
        note = "; ".join(filter(None, (note, f"{left} {LISTED_NO_MORE}{why}")))
    return replace(
        found,
        changes=(*found.changes, *look.deleted(lost, ())),
        cursor=look.cursor if whole else f"{look.scope}.{UNTOLD}",
        compared=True,
        noticed=known.marks(look.seen, () if more else doubtful),
        forgotten=tuple(gone) if begins else (),
        filtered=tuple(look.filtered),
        more=more,
        note=note,
    )


def _lost(look: Look, gone: list[str]) -> Steps[list[str]]:
    """Which of those that are listed no more the provider does not have, or has out of the
    condition: some, asked for one by one. None where a record that is listed is not found so."""
    listing = look.listing
    if not (gone and look.seen and listing.can_read_one):
        return []
    listed = next(reversed(look.seen))
    asked = random.sample(gone, min(len(gone), MOST_FETCHED))
    found = yield from fetched(listing, [listed, *asked])
    condition = listing.condition
    left = {
        id_
        for id_, record in found.records.items()
        if condition is not None and not ceql.matches(condition, record)
    }
    if listed not in found.records or listed in left:
        return []
    return [id_ for id_ in asked if id_ in found.missing or id_ in left]


def _fetched(look: Look, call: PollCall, gone: list[str]) -> Steps[Changes]:
    """The records of what is new and of what was put aside, read one by one."""
    lost = set(gone)
    asked = [one.object_id for one in call.unfetched if one.object_id not in lost]
    wanted = [*asked, *(id_ for id_ in look.new_or_changed if id_ not in asked)]
    now, later = wanted[:MOST_FETCHED], wanted[MOST_FETCHED:]
    found = yield from fetched(look.listing, now)
    return Changes(
        tuple(
            Change(id_, ChangeType.CREATED, record, LISTED) for id_, record in found.records.items()
        ),
        "",
        (*(Unfetched(id_, ChangeType.CREATED) for id_ in later), *found.unfetched),
        (*look.never_told(gone), *found.missing),
    )
