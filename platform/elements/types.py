"""The types an element is written in: what is known about one provider's API.

An element is data. A generator (`Steps`) stands only where a declaration cannot say it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from transport.types import Steps


class ChangeType(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"


# --- Calling a resource ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A hub call: the caller's parameters after the platform's own checks.

    `query` holds the request's query parameters, without paging. `page_token` is the vendor's.
    """

    configuration: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    object_id: str = ""
    body: Any = None
    page_size: int = 100
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `next_token` is empty on the last one; `total` where it is known."""

    records: list[dict[str, Any]]
    next_token: str = ""
    total: int | None = None


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

    `error` is empty when it merely waits its turn behind many others. A `change_type` of DELETED
    means that the object seems to be gone and has to be asked for to be sure.
    """

    object_id: str
    change_type: ChangeType
    error: str = ""
    retry_after: float | None = None  # seconds, when the provider asked for a pause


@dataclass(frozen=True, slots=True)
class Gap:
    """The window that was listed anew because the provider no longer knew the cursor."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What one poll found.

    `cursor` says where the next poll starts. `unfetched` objects are put aside with the cursor
    moved past them, and come back as `PollCall.unfetched`; each that came back is found in one
    of `changes`, `unfetched`, `missing` and `unchanged`. `missing` holds the ids of the changed
    objects that were gone before they could be fetched (the provider's 404); `unchanged` those
    that turned out to be as they are known.
    """

    changes: tuple[Change, ...]
    cursor: str
    unfetched: tuple[Unfetched, ...] = ()
    missing: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class PollCall:
    """What a change feed is asked: everything since `cursor`, and the `unfetched` of before.

    `cursor` is None the first time: the feed then only says where "now" is.
    `last_success_at` is when the last poll that succeeded began, `watched_since` when the first
    one did: what happened before is not to be reported.
    """

    entry: PollerEntry
    cursor: str | None
    started_at: datetime
    configuration: Mapping[str, str] = field(default_factory=dict)
    last_success_at: datetime | None = None
    watched_since: datetime | None = None
    unfetched: tuple[Unfetched, ...] = ()


# --- The element -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter that a resource takes, and the vendor's name of it."""

    name: str
    vendor_name: str = ""
    description: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Paging:
    """How the vendor pages: by an opaque token."""

    size_parameter: str = "maxResults"
    token_parameter: str = "pageToken"  # noqa: S105 - a name, not a secret
    next_token_key: str = "nextPageToken"  # noqa: S105 - a name, not a secret
    largest: int = 500


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing an element offers at a path.

    A GET on `path` lists: a `root_key` says where the records stand in the vendor's answer. An
    empty `root_key` means that the answer itself is the one record. `readable` adds
    GET path/{id}. `list_steps` and `get_steps` replace the declared way; `changes` makes the
    resource a change feed that can be polled.
    """

    name: str
    path: str
    vendor_path: str
    description: str = ""
    root_key: str = ""
    id_field: str = "id"
    paging: Paging | None = None
    parameters: tuple[Parameter, ...] = ()
    readable: bool = False
    aliases: tuple[str, ...] = ()
    list_units: int = 0  # the provider's quota units
    get_units: int = 0
    list_steps: Callable[[Call], Steps[Page]] | None = None
    get_steps: Callable[[Call], Steps[dict[str, Any]]] | None = None
    changes: Callable[[PollCall], Steps[Changes]] | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationField:
    """One entry of an element's `configuration` (contract of `GET /elements/{key}`).

    `choices` are the only values it takes; empty: any. `setting` replaces `default` by an address
    that an operator may move. Without a `display_order` the place in the list counts.
    """

    key: str
    name: str
    type: str = "TEXTFIELD_1000"
    description: str = ""
    default: str | None = None
    required: bool = False
    hidden: bool = False
    choices: tuple[str, ...] = ()
    setting: Setting | None = None
    display_order: int | None = None

    @property
    def secret(self) -> bool:
        return self.type == "PASSWORD"


@dataclass(frozen=True, slots=True)
class Setting:
    """An address that an operator may move: the environment variable and its default."""

    variable: str
    default: str


@dataclass(frozen=True, slots=True)
class OAuth2:
    """How an account is authorized, RFC 6749 section 4.1.

    `authorization_parameters` come before the standard ones in the authorization URL.
    """

    authorization_url: Setting
    token_url: Setting
    revoke_url: Setting | None
    scopes: tuple[str, ...]
    authorization_parameters: tuple[tuple[str, str], ...] = ()
    pkce: bool = True


@dataclass(frozen=True, slots=True)
class Element:
    id: int
    key: str
    name: str
    hub: str
    description: str
    base_url: Setting
    authentication: OAuth2
    resources: tuple[Resource, ...]
    configuration: tuple[ConfigurationField, ...]
    default_poller: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def single_record(self) -> Resource | None:
        """The first resource that is one record: asked to see whether an account answers."""
        for resource in self.resources:
            if not resource.root_key and resource.list_steps is None:
                return resource
        return None

    def resource(self, name: str) -> Resource | None:
        """The resource called `name`, with or without a leading slash, or known by that alias."""
        wanted = name.strip().lstrip("/")
        for resource in self.resources:
            if wanted == resource.name or wanted in resource.aliases:
                return resource
        return None
