"""What an element is asked and what it answers: hub calls and their pages, polls and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class ChangeType(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


DELETED = "deleted"  # the fingerprint under which a deleted object is remembered


# --- Calling a resource ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A hub call: the caller's parameters after the platform's own checks.

    `query` holds the request's query parameters, without paging. `path` holds what stands in the
    operation's path where it has names in braces. `further` are parameters that the operation does
    not declare, for the vendor's query as they are. `page_token` is the vendor's.
    """

    configuration: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # those an operation declares
    body: Any = None
    page_size: int = 100
    page_token: str = ""
    further: Mapping[str, str] = field(default_factory=dict)

    @property
    def object_id(self) -> str:
        """The record that `{id}` of the path names; empty when it names none."""
        return self.path.get("id", "")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `next_token` is empty on the last one; `total` where it is known."""

    records: list[dict[str, Any]]
    next_token: str = ""
    total: int | None = None


# --- A webhook of the provider's -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook whose proof holds: its body as JSON, of a form its fields.

    `headers` finds a name however it is written. Nobody has signed them.
    """

    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """One change as a provider's webhook tells it; without a date it has just happened."""

    object_type: str
    object_id: str
    change_type: ChangeType
    date: datetime | None = None


# --- Polling a resource ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PollerEntry:
    """One resource of `event.poller.configuration` (checked by elements.poller)."""

    name: str
    url: str
    id_field: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One changed object.

    `fingerprint` is equal for two sightings of the same state of the object, so that a change
    that is found twice is stored once. `occurred_at` dates the object itself (not the change);
    recovery asks for the known objects of a window by it.
    """

    object_id: str
    change_type: ChangeType
    record: Mapping[str, Any]
    fingerprint: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unfetched:
    """An object known to have changed whose record could not be fetched yet, and why.

    `error` is empty when it merely waits its turn behind many others, or for units of the
    provider's quota, which there are after `retry_after`. A `change_type` of DELETED
    means that the object seems to be gone and has to be asked for to be sure.
    """

    object_id: str
    change_type: ChangeType
    error: str = ""
    retry_after: float | None = None  # seconds, when the provider asked for a pause


@dataclass(frozen=True, slots=True)
class Filtered:
    """An object that was listed and of which nothing is told, for a rule of the entry says so.

    `rule` is that rule in words for a person, such as "where: status='open'".
    """

    object_id: str
    rule: str


@dataclass(frozen=True, slots=True)
class Gap:
    """The window that was listed anew because the provider no longer knew the cursor."""

    since: datetime
    until: datetime


class ReconciliationReason(StrEnum):
    EXPIRED = "expired"  # the provider no longer knows the cursor
    REQUESTED = "requested"  # somebody asked for it


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The comparison of all that there is with what is known, and how far it has come.

    It takes as many polls as it needs. An object that is not known and dated before `since` is no
    news. `cursor` is where the gap begins, and `resumed_at` the one that the feed goes on from.
    `place` is the feed's own, as JSON: empty at the beginning. `counts` add up. A feed sets
    `finished` when it has compared everything.
    """

    reason: ReconciliationReason
    since: datetime
    started_at: datetime
    cursor: str
    resumed_at: str
    place: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What one poll found.

    `cursor` says where the next poll starts. `unfetched` objects are put aside with the cursor
    moved past them, and come back as `PollCall.unfetched`; each that came back is found in one
    of `changes`, `unfetched`, `missing` and `unchanged`. `missing` holds the ids of the changed
    objects that were gone before they could be fetched (the provider's 404); `unchanged` those
    that turned out to be as they are known.
    `picture` is all that there is, {object id: fingerprint}: it is kept in place of what was known,
    and no event tells of it. `compared` says that `changes` were found by comparing with all that
    is known, so that what was deleted need not be remembered. `noticed` are states that no event
    tells of and that are known from now on, {object id: fingerprint}; `forgotten` the ids of
    objects that are known no more. `more` asks for the next poll at once: there was more to find
    than one poll should tell. `note` says to people what the feed could not do as it was asked.
    `filtered` holds some of what a rule left out (listing.MOST_FILTERED are enough), so that a
    person can be told why. `reconciliation` is how far one has come, or begins it, and `listed` the
    ids that it listed, by what it listed them under; "" stands for everything.
    """

    changes: tuple[Change, ...]
    cursor: str
    unfetched: tuple[Unfetched, ...] = ()
    missing: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    gap: Gap | None = None
    picture: Mapping[str, str] | None = None
    compared: bool = False
    noticed: Mapping[str, str] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    more: bool = False
    filtered: tuple[Filtered, ...] = ()
    note: str = ""
    reconciliation: Reconciliation | None = None
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PollCall:
    """What a change feed is asked: everything since `cursor`, and the `unfetched` of before.

    `cursor` is None the first time: the feed then only says where "now" is.
    `caught_up_at` is when the last poll began that left nothing unread, `watched_since` when the
    resource was to be polled first: what happened before is not to be reported. A feed without a
    cursor tells what it knows to be newer; None where the first poll comes at once.
    """

    entry: PollerEntry
    cursor: str | None
    started_at: datetime
    configuration: Mapping[str, str] = field(default_factory=dict)
    caught_up_at: datetime | None = None
    watched_since: datetime | None = None
    unfetched: tuple[Unfetched, ...] = ()
    reconciliation: Reconciliation | None = None  # one that is under way


# --- Being told by the provider ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WatchCall:
    """What a watch is started or stopped with.

    The provider is to send to `callback_url`, which names the instance, and to sign with `secret`,
    which was made for this watch and stays the same as long as it lives. `state` is what the last
    start gave; empty where there was none, or where its answer was never stored.
    """

    configuration: Mapping[str, str] = field(repr=False)
    callback_url: str
    secret: str = field(repr=False)
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a start gave. `state` is kept as JSON, in clear, and comes with the next call.

    `expires_at` is when the provider ends it by itself. `account` is what the provider's notices
    call the account, in any case; only where the element has some (types.Notices).
    """

    state: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    account: str = ""
