"""A listing as polls read it: what is asked, and what makes out a record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from ceql import Condition
from elements import listed_page, run
from elements.calls import Call, ChangeType, Page, PollCall, Unfetched
from elements.errors import ConfigurationError
from elements.polled_url import asked_by
from elements.side_by_side import side_by_side
from elements.types import Operation, Resource
from transport.errors import MalformedAnswer, NotNow, ProviderError, TransportError
from transport.types import Steps

LARGEST_PAGE = 1_000
LONGEST_ID = 500  # characters
MOST_FILTERED = 100  # of those that a rule leaves out, so that a person can be told why
WHERE = "the where of its url"
LISTED = "listed"  # the fingerprint where nothing but ids is listed
BASE_URL = "base.url"


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, and what of it counts."""

    resource: Resource
    operation: Operation
    call: Call
    condition: Condition | None
    id_field: str

    @classmethod
    def of(cls, resource: Resource, call: PollCall, url: str, page_size: int) -> Listing:
        """`page_size` counts where neither `url` nor the entry says one.

        Raises ConfigurationError when the url or the entry cannot be used.
        """
        operation = _operation(resource)
        asked = asked_by(url, operation)
        size = asked.page_size or call.entry.options.get("pageSize") or page_size
        return cls(
            resource,
            operation,
            Call(
                call.configuration,
                asked.query,
                page_size=min(int(size), LARGEST_PAGE),
                further=asked.further,
            ),
            asked.condition,
            call.entry.id_field or resource.id_field,
        )

    @property
    def reads_one_by_one(self) -> bool:
        return self.resource.lists_ids_only and self.resource.reading is not None

    @property
    def can_read_one(self) -> bool:
        """Whether a record can be read by the id that it is known by."""
        return self.resource.reading is not None and self.id_field == self.resource.id_field

    def page(self, token: str) -> Steps[Page]:
        return run.list_steps(self.operation, replace(self.call, page_token=token))

    def is_last(self, page: Page, token: str, *, same_ids: bool, pages: int) -> bool:
        """Return whether no page comes after this one, which `token` led to.

        `same_ids`: it lists what the page before does; `pages` counts both. Raises MalformedAnswer
        for a list that leads nowhere.
        """
        if not page.next_token:
            return True
        if same_ids and self.is_numbered and pages > 2:
            return True  # the last page again, with something in its records that is always new
        if page.next_token == token or same_ids:
            raise MalformedAnswer(
                "the provider answers the same page again and again: "
                "the paging of the resource is not the provider's"
            )
        return False

    @property
    def is_numbered(self) -> bool:
        """Whether the provider's answers say nothing of the next page."""
        paging = self.operation.paging
        return paging is not None and listed_page.is_numbered(paging)

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


def scope_of(resource: Resource, call: PollCall, *more: object) -> str:
    """A digest of where is listed, of what makes out a record, and of `more`: another one means
    other objects. Raises ConfigurationError."""
    operation = _operation(resource)
    place = (
        run.vendor_path(operation, Call(call.configuration)),
        operation.root_key,
        resource.lists_ids_only,
        call.configuration.get(BASE_URL, ""),
    )
    id_field = call.entry.id_field or resource.id_field
    return digest(json.dumps([*place, *more, id_field]))[:16]


def _operation(resource: Resource) -> Operation:
    if resource.listing is None:
        raise ConfigurationError(resource.name, "has no listing")
    return resource.listing


@dataclass(slots=True)
class Fetched:
    """What reading records one by one came to; each id is in one of the three."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unfetched: list[Unfetched] = field(default_factory=list)


def fetched(listing: Listing, ids: Iterable[str]) -> Steps[Fetched]:
    """Reads the records of these ids, side by side."""
    wanted = list(ids)
    outcomes = yield from side_by_side(_reading(listing, id_) for id_ in wanted)
    found = Fetched()
    for id_, outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, ProviderError) and outcome.status in (404, 410):
            found.missing.append(id_)
        elif isinstance(outcome, NotNow):
            found.unfetched.append(Unfetched(id_, ChangeType.CREATED, "", outcome.retry_after))
        elif isinstance(outcome, TransportError):
            pause = outcome.retry_after if isinstance(outcome, ProviderError) else None
            found.unfetched.append(Unfetched(id_, ChangeType.CREATED, str(outcome), pause))
        else:
            found.records[id_] = outcome
    return found


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


def canonical(record: Mapping[str, Any]) -> str:
    """The record as text that is the same in whichever order its fields stand."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def digest(text: str) -> str:
    """Return a short digest of any text, also of what a provider writes that is no Unicode."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _can_be_stored(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
