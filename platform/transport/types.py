"""What a connector yields and what it is answered with. No I/O happens here.

A connector is a generator of type `Steps[T]`: it yields a `Request` (answered by a `Response`),
a sequence of requests (run side by side, answered by a list of outcomes in the same order), a
`Question` (answered by a mapping) or a `Checkpoint` (answered by None), and returns a `T`. A runner
drives it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

from transport import json_text
from transport.errors import MalformedAnswer, ProviderError, TransportError
from transport.failed_answer import says_declared, says_limited
from transport.headers import link_to

QueryValue: TypeAlias = str | int | Sequence[str]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to the provider.

    `url` is a path below the account's base URL ("/gmail/v1/users/me/profile") or absolute.
    `units` is what the provider charges for it in its own quota units. `max_body` are bytes that
    the answer may have where that is more than the runner's limit for all.
    `own_origin`: it goes to the account's own origin or nowhere, for an answer led there.
    """

    method: str
    url: str
    query: Mapping[str, QueryValue] = field(default_factory=dict)
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    units: int = 0
    max_body: int = 0
    own_origin: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Response:
    """The provider's final answer, whatever its status: retries have already happened.

    `headers` are as transport.headers.headers_of makes them, with lower-case names.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def arrived(
        cls,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        limit_codes: Collection[str] = (),
    ) -> Response:
        """As it arrived; what says within a 2xx, or with a code that the element declares, that it
        is refused for a limit is a 429."""
        if (200 <= status < 300 and says_limited(body)) or says_declared(status, body, limit_codes):
            status = 429
        return cls(status, headers, body)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def next_query(self) -> Mapping[str, str | tuple[str, ...]]:
        """The query of the next page's address in the Link header (RFC 8288); empty without one.

        A name that the query repeats has a tuple of all its values. The address itself is not
        believed: where to ask is the element's to say.
        """
        target = link_to("next", self.headers.get("link", ""))
        if target is None:
            return {}
        try:
            pairs = parse_qsl(urlsplit(target).query, keep_blank_values=True)
        except ValueError:
            return {}
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return {name: each[0] if len(each) == 1 else tuple(each) for name, each in values.items()}

    def raise_for_status(self) -> Response:
        """Returns itself when 2xx; raises ProviderError otherwise."""
        if not self.ok:
            raise ProviderError.of(self.status, self.headers, self.body)
        return self

    def json(self) -> Any:
        """The parsed body of a 2xx answer.

        Raises ProviderError for another status and MalformedAnswer when it is not JSON, is nested
        deeper than json_text.DEEPEST, or has more values than json_text.MAX_VALUES.
        """
        self.raise_for_status()
        try:
            return json_text.parse(self.body)
        except json_text.TooDeepError as error:
            raise MalformedAnswer(
                f"the provider's answer is nested deeper than {json_text.DEEPEST} levels"
            ) from error
        except json_text.TooManyValuesError as error:
            raise MalformedAnswer(
                f"the provider's answer has more than {json_text.MAX_VALUES} values: ask for "
                "smaller pages"
            ) from error
        except ValueError as error:
            raise MalformedAnswer("the provider's answer is not JSON") from error

    def object(self) -> dict[str, Any]:
        """As `json`, and raises MalformedAnswer when it is not a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise MalformedAnswer("the provider's answer is not a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class KnownObjects:
    """Asks for what is already known of a polled resource: {object id: fingerprint}.

    Holds the objects in `ids` and those that occurred at or after `since`. With `everything`, all
    of them, those that are put aside with an empty fingerprint; `put_aside` asks for these of
    `ids`, too.
    """

    ids: tuple[str, ...] = ()
    since: datetime | None = None
    everything: bool = False
    put_aside: bool = False


@dataclass(frozen=True, slots=True)
class ListedObjects:
    """Asks for the next `most` objects that are known, in the order of their ids, after `after`.

    Answered by {object id: (fingerprint, tags)}: `tags` is what the reconciliation has listed it
    under, None where it was not listed at all. Objects known to be deleted are left out.
    """

    after: str
    most: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Says how far the connector has come.

    `result` stands for what it would return, should it get no further: it was cut short, or the
    provider fails from here on. Each replaces the one before.
    """

    result: Any


T = TypeVar("T")
Outcome: TypeAlias = Response | TransportError
"""What one of several requests ended with: an answer, or the error that stood in its place."""
Question: TypeAlias = KnownObjects | ListedObjects
Step: TypeAlias = Request | Sequence[Request] | Question | Checkpoint
Steps: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Units that may be asked for in a minute and in a day; 0 is no limit."""

    minute: int = 0
    day: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a provider lets be asked of it, in its own units (`Request.units`).

    `account` is for each account, `project` for all accounts of one application at the provider.
    Elements whose quotas have one `name` share it. A provider's day begins at midnight in
    `day_zone`. `project_reasons` are those of a ProviderError that are meant for the project.
    """

    name: str
    account: Bucket = Bucket()
    project: Bucket = Bucket()
    day_zone: str = "UTC"
    project_reasons: frozenset[str] = frozenset()


class Meter(Protocol):
    """Pays for the requests of one account, so that its provider's quota is never exceeded.

    `ahead` are the units that this request and those sent beside it want together.
    """

    def take(self, units: int, ahead: int) -> float | None:
        """0 when paid, else seconds to wait. None: only `draw` can tell. Never blocks."""

    def draw(self, units: int, ahead: int) -> float:
        """As `take`, and asks the database."""

    async def adraw(self, units: int, ahead: int) -> float:
        """As `draw`, without blocking the event loop."""

    def refused(self, error: ProviderError) -> None:
        """The provider says that the quota is used up: nothing is paid for until it is not."""

    async def arefused(self, error: ProviderError) -> None:
        """As `refused`, without blocking the event loop."""


class Authorizer(Protocol):
    """Gives the access token of one account and replaces it when the provider rejects it."""

    def access_token(self) -> str:
        """The token to send. Never blocks."""

    def refresh(self, rejected: str) -> str:
        """A token other than `rejected`. Blocks; raises an error when the grant is lost."""

    async def arefresh(self, rejected: str) -> str:
        """As `refresh`, without blocking the event loop."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """The header that an account's secret goes in, and what stands before it there."""

    header: str = "Authorization"
    prefix: str = "Bearer "  # RFC 6750 section 2.1


BEARER = Scheme()


@dataclass(frozen=True, slots=True)
class Account:
    """On whose behalf and against which address a connector runs.

    `limit_codes` are those by which the provider says that it is asked too often.
    `moved` is told the path of a request that the provider has redirected, and where it led.
    """

    base_url: str
    authorizer: Authorizer | None = None
    scheme: Scheme = BEARER
    meter: Meter | None = None  # None: the provider counts nothing
    moved: Callable[[str, str], None] | None = None
    limit_codes: frozenset[str] = frozenset()
