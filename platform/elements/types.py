"""The types an element is written in: what is known about one provider's API.

An element is data. A generator (`Steps`) stands only where a declaration cannot say it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias

from elements.calls import Call, Changes, ChangeType, PollCall
from elements.webhooks import Watch, Webhook
from transport.types import Quota, Steps


class Place(StrEnum):
    """Where a parameter is taken from, and where the vendor wants it."""

    QUERY = "query"
    PATH = "path"
    HEADER = "header"
    BODY = "body"  # the whole body
    BODY_FIELD = "bodyField"  # a field of the JSON body, dots for nesting
    CONFIGURATION = "configuration"  # `name` is a key of the instance's configuration
    VALUE = "value"  # `name` is the value itself; always sent


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that an operation takes, and the vendor's name and place of it.

    `data_type` is one of string, integer, number, boolean, array and object, as in JSON.
    """

    name: str
    vendor_name: str = ""
    description: str = ""
    required: bool = False
    place: Place = Place.QUERY
    vendor_place: Place | None = None  # None: as `place`
    data_type: str = "string"


class PagingKind(StrEnum):
    CURSOR = "cursor"  # the vendor's answer holds an opaque token
    PAGE = "page"  # pages are numbered
    OFFSET = "offset"  # a page begins after so many records


LINK = "header:Link"


@dataclass(frozen=True, slots=True)
class Paging:
    """How the vendor pages. `first_page` is the number of the first one, where they have any.

    `token_parameter` takes the token, the page's number or the offset. A `next_token_key` of LINK,
    also where pages are numbered: the answer's Link header (RFC 8288) holds the next page's
    address, and in its query stands the `token_parameter`.
    """

    size_parameter: str = "maxResults"
    token_parameter: str = "pageToken"  # noqa: S105 - a name, not a secret
    next_token_key: str = "nextPageToken"  # noqa: S105 - a name, not a secret
    largest: int = 500
    kind: PagingKind = PagingKind.CURSOR
    first_page: int = 1


EXPIRED_STATUSES = (410,)  # "Gone", RFC 9110 section 15.5.11


@dataclass(frozen=True, slots=True)
class ChangeCursor:
    """How the provider tells what changed in a listing since a cursor that it gave.

    Asked without a cursor, the listing (at `vendor_path` where that is not empty) gives all that
    there is. Its last page has the cursor at `next_key`: an address that is asked next, or a token
    that `parameter` takes. By one of the `expired_statuses` or `expired_codes` the provider says
    that it no longer knows a cursor. A record is deleted where one of the `deleted_values` stands
    at `deleted_key`, or without any, where anything does. `version_key` is where a record's version
    stands; empty: a record is known by all of it. `reads_records` says that changes hold parts of
    records only, so that each is read by its id.
    """

    next_key: str
    parameter: str = ""
    vendor_path: str = ""
    expired_statuses: tuple[int, ...] = EXPIRED_STATUSES
    expired_codes: frozenset[str] = frozenset()
    deleted_key: str = ""
    deleted_values: tuple[str, ...] = ()
    version_key: str = ""
    reads_records: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a resource's records; `name` has dots for nesting."""

    name: str
    type: str = "string"  # as JSON names it
    description: str = ""
    read_only: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path of a resource.

    Names in braces are the path's parameters: "/messages/{id}/trash". `vendor_path` may hold them
    too, and `${key}` for what the configuration says; `${+key}` where that is several segments.
    A `listing` answers with a list of records, found at `root_key` of the vendor's answer (dots
    for nesting; empty: the answer is the list). Anything else answers with one value: what stands
    at `root_key`, or the whole answer.
    `empty_when_absent` says that the vendor leaves out an empty list, and `empty_statuses` with
    which errors it says that there is none: any other answer without the list fails.
    With a `change_cursor`, polls ask what changed in place of comparing all that is listed.
    `steps` replaces the declared way. It returns a Page for a listing, and otherwise what is to be
    answered as JSON; None is an empty answer.
    """

    method: str
    path: str
    vendor_path: str
    description: str = ""
    vendor_method: str = ""  # empty: as `method`
    parameters: tuple[Parameter, ...] = ()
    listing: bool = False
    root_key: str = ""
    empty_when_absent: bool = False
    empty_statuses: tuple[int, ...] = ()
    paging: Paging | None = None
    change_cursor: ChangeCursor | None = None
    units: int = 0  # the provider's quota units
    steps: Callable[[Call], Steps[Any]] | None = None

    @property
    def takes_body(self) -> bool:
        return any(one.place in (Place.BODY, Place.BODY_FIELD) for one in self.parameters)

    def match(self, path: str) -> dict[str, str] | None:
        """What stands in place of the names in braces, when `path` is of this form."""
        found = _pattern(self.path).fullmatch(path)
        return None if found is None else found.groupdict()


@lru_cache(maxsize=4096)
def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile(
        "".join(
            f"(?P<{part}>[^/]+)" if place % 2 else re.escape(part)
            for place, part in enumerate(parts)
        )
    )


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing an element offers: the operations at `path` and below it.

    `path` defaults to the name, which is always a path, too: what a list of objects names can be
    asked for. `aliases` are further names, each at a path of its own.
    `changes` is the resource's own change feed; without one, what has a listing is polled by
    comparing (elements.snapshot); `finds` are the kinds of changes that the feed notices, and
    `reconciles` says that it takes a PollCall's reconciliation further. Where the
    vendor lists no more than the ids of the records, `lists_ids_only` says that each must be read
    to be known.
    `title_fields` hold what people know a record by, the most telling first, with dots for nesting;
    where no field says it plainly, `title` answers it, and raises nothing whatever the record is.
    Of the OAuth `scopes` any one is enough to read it, of the `writing_scopes` any one to change
    anything of it; none: every account may.
    """

    name: str
    operations: tuple[Operation, ...] = ()
    description: str = ""
    path: str = ""
    id_field: str = "id"
    aliases: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    lists_ids_only: bool = False
    title_fields: tuple[str, ...] = ()
    title: Callable[[Mapping[str, Any]], Sequence[Any]] | None = None
    scopes: tuple[str, ...] = ()
    writing_scopes: tuple[str, ...] = ()
    changes: Callable[[PollCall], Steps[Changes]] | None = None
    reconciles: bool = False
    finds: tuple[ChangeType, ...] = tuple(ChangeType)

    @property
    def root(self) -> str:
        return self.path or f"/{self.name}"

    @property
    def listing(self) -> Operation | None:
        """GET of all records."""
        return self._reading(self.root, listing=True)

    @property
    def reading(self) -> Operation | None:
        """GET of one record by its id."""
        return self._reading(f"{self.root}/{{id}}", listing=False)

    @property
    def single(self) -> Operation | None:
        """GET of the one record that the resource is."""
        return self._reading(self.root, listing=False)

    @property
    def can_be_polled(self) -> bool:
        if self.changes is not None:
            return True
        return self.listing is not None and "{" not in self.root  # nobody could fill it in

    @property
    def change_cursor(self) -> ChangeCursor | None:
        """How its listing tells changes, where the provider has a cursor for it."""
        return None if self.listing is None else self.listing.change_cursor

    @property
    def in_bulk(self) -> bool:
        """Whether a bulk job can read its records."""
        return (self.listing or self.single) is not None

    @property
    def told(self) -> tuple[ChangeType, ...]:
        """The kinds of changes that polling finds."""
        if not self.can_be_polled:
            return ()
        if self.changes is None and self.lists_ids_only:
            return (ChangeType.CREATED, ChangeType.DELETED)
        return self.finds

    def _reading(self, path: str, *, listing: bool) -> Operation | None:
        for one in self.operations:
            if (one.method, one.path, one.listing) == ("GET", path, listing):
                return one
        return None

    def below(self, path: str) -> str | None:
        """The path as this resource's operations have it, its name or an alias replaced; None if
        foreign."""
        for place in (self.root, *(f"/{name}" for name in (self.name, *self.aliases))):
            if path == place or path.startswith(f"{place}/"):
                return self.root + path[len(place) :]
        return None


@dataclass(frozen=True, slots=True)
class Match:
    """The operation that a request asks for, and what stands in its path's braces."""

    resource: Resource
    operation: Operation
    path: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ConfigurationField:
    """One entry of an element's `configuration` (contract of `GET /elements/{key}`).

    `choices` are the only values it takes; empty: any. `setting` replaces `default` by an address
    that an operator may move. Without a `display_order` the place in the list counts. A value must
    match all of `pattern`, a regular expression; `right` says to people what that is.
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
    pattern: str = ""
    right: str = ""

    @property
    def secret(self) -> bool:
        return self.type == "PASSWORD"


@dataclass(frozen=True, slots=True)
class Setting:
    """An address that an operator may move: the environment variable and its default.

    Without a variable nobody can.
    """

    variable: str
    default: str


@dataclass(frozen=True, slots=True)
class ScopeNames:
    """What a provider's scopes mean beside their letters, so that those granted are told from it.

    `aliases` are other names, each with the one that it stands for. `implied` are the scopes that
    one takes in. Of the `unechoed` the answer of the token endpoint never says whether they were
    granted.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    implied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # OpenID Connect Core section 11: it is answered by a refresh token.
    unechoed: frozenset[str] = frozenset({"offline_access"})


@dataclass(frozen=True, slots=True)
class OAuth2:
    """How an account is authorized, RFC 6749 section 4.1.

    `authorization_parameters` come before the standard ones in the authorization URL.
    `refresh_url` is where tokens are renewed, if not at the `token_url`. `errors` translates the
    provider's own words for what went wrong into those of section 5.2. `login_hint` is the name of
    the parameter that tells the consent page which account is meant, if it knows one.
    `scope_names` says which scopes mean the same.
    """

    authorization_url: Setting
    token_url: Setting
    revoke_url: Setting | None
    scopes: tuple[str, ...]
    authorization_parameters: tuple[tuple[str, str], ...] = ()
    pkce: bool = True
    refresh_url: Setting | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    login_hint: str = ""
    scope_names: ScopeNames = field(default_factory=ScopeNames)


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password with every request, RFC 7617."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header of every request, after `prefix`."""

    header: str = "Authorization"
    prefix: str = ""


Authentication: TypeAlias = OAuth2 | Basic | ApiKey


@dataclass(frozen=True, slots=True)
class Guide:
    """How a person gets, at the provider, what an account authenticates with.

    `steps` are plain sentences; `{callbackUrl}` in them stands for the redirect URI to register.
    `url` is the provider's page where that begins, or empty.
    """

    steps: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """A connector. `organization_id` is the owner of a private one, which nobody else sees.

    `prefixes` may stand before every path, without a meaning of their own.
    """

    id: int
    key: str
    name: str
    hub: str
    description: str
    base_url: Setting
    authentication: Authentication
    resources: tuple[Resource, ...]
    configuration: tuple[ConfigurationField, ...]
    default_poller: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    active: bool = True
    organization_id: int | None = None
    image: str = ""
    extends: str = ""  # the key of the built-in element that a private one takes after
    quota: Quota | None = None  # None: the vendor counts no units
    limit_codes: frozenset[str] = frozenset()  # by which the vendor says that it is asked too often
    webhook: Webhook | None = None  # None: the vendor sends none, or none that can be believed
    watch: Watch | None = None  # None: nothing is registered, at most by a person
    guide: Guide | None = None  # None: people are told no more than where the redirect URI goes
    # Why a private one cannot be used: its definition cannot be read. It has no resources then.
    fault: str = ""

    @property
    def private(self) -> bool:
        return self.organization_id is not None

    @property
    def single_record(self) -> Operation | None:
        """The first operation that reads one record: asked to see whether an account answers."""
        for resource in self.resources:
            operation = resource.single
            if operation is not None and operation.steps is None:
                return operation
        return None

    @property
    def trial(self) -> Operation | None:
        """What is asked to see whether the provider accepts an account: a reading that needs
        nothing but the account.
        """
        if self.single_record is not None:
            return self.single_record
        for resource in self.resources:
            operation = resource.listing
            if operation is not None and operation.steps is None:
                parameters = operation.parameters
                if not any(one.required for one in parameters):
                    return operation
        return None

    def resource(self, name: str) -> Resource | None:
        """The resource called `name`, with or without a leading slash, or known by that alias."""
        wanted = name.strip().lstrip("/")
        for resource in self.resources:
            if wanted == resource.name or wanted in resource.aliases:
                return resource
        return None

    def match(self, method: str, path: str) -> Match | None:
        """The operation of `method` at `path`; of several, the one that names most of it."""
        found = [match for match in self._at(path) if match.operation.method == method]
        return min(found, key=lambda match: len(match.path), default=None)

    def methods(self, path: str) -> list[str]:
        """The methods that `path` takes; none when there is nothing at it."""
        return sorted({match.operation.method for match in self._at(path)})

    def _at(self, path: str) -> Iterator[Match]:
        for prefix in self.prefixes:
            if path.startswith(f"{prefix}/"):
                path = path[len(prefix) :]
        for resource in self.resources:
            own = resource.below(path)
            if own is None:
                continue
            for operation in resource.operations:
                parameters = operation.match(own)
                if parameters is not None:
                    yield Match(resource, operation, parameters)
