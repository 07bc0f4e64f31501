"""One page of a resource's records as the caller asks for it, however the provider pages."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import Any

from api.errors import BadRequest
from elements import run
from elements.calls import Call, Page
from elements.types import Operation, Paging, PagingKind
from hubs.paging import Wanted
from hubs.selection import Selection
from transport import sync
from transport.types import Account

MOST_PAGES = 40  # of the provider's, read for one page of records that fit a condition
LONGEST_WALK = 20.0  # seconds, after which no further page of the provider's is asked for


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: the provider's page, and how many of its records come before."""

    token: str = ""
    skipped: int = 0

    @classmethod
    def of(cls, text: str) -> Position:
        try:
            token, skipped = json.loads(text) if text else ("", 0)
            return cls(str(token), int(skipped))
        except (ValueError, TypeError) as error:
            raise BadRequest("nextPage: is of another version of the platform") from error

    def __str__(self) -> str:
        return json.dumps([self.token, self.skipped])


def page_of(
    operation: Operation, call: Call, account: Account, wanted: Wanted, selection: Selection
) -> Page:
    """The page; `next_token` says where the next one begins. Raises what the steps raise."""
    if operation.paging is None and operation.steps is None:
        return _cut(operation, call, account, wanted, selection)
    if operation.paging is None and (selection.condition is not None or selection.orders):
        return _cut(operation, call, account, wanted, selection)
    if selection.condition is None:
        return _provider_page(operation, call, account, wanted)
    return _fitting(operation, call, account, wanted, selection)


def _cut(
    operation: Operation, call: Call, account: Account, wanted: Wanted, selection: Selection
) -> Page:
    """A page cut out of everything, where the provider cannot page."""
    everything = sync.run(run.list_steps(operation, call), account).records
    records = selection.ordered(one for one in everything if selection.wants(one))
    start = Position.of(wanted.token).skipped if wanted.token else (wanted.page - 1) * wanted.size
    end = start + wanted.size
    return Page(
        records[start:end],
        next_token=str(Position(skipped=end)) if end < len(records) else "",
        total=len(records),
    )


def _provider_page(operation: Operation, call: Call, account: Account, wanted: Wanted) -> Page:
    """The provider's own page: asked for by its number, or walked to by the cursor."""
    token = Position.of(wanted.token).token
    call = replace(call, page_size=wanted.size, page_token=token)
    before = wanted.page - 1  # pages to walk past
    if before and (there := _token_of(operation.paging, wanted)):
        before, call = 0, replace(call, page_token=there)
    until = time.monotonic() + LONGEST_WALK
    page = sync.run(run.list_steps(operation, call), account)
    for _ in range(before):
        if not page.next_token:
            return Page([])
        _require_time(until)
        call = replace(call, page_token=page.next_token)
        page = sync.run(run.list_steps(operation, call), account)
    return replace(page, next_token=str(Position(page.next_token)) if page.next_token else "")


def _token_of(paging: Paging | None, wanted: Wanted) -> str:
    """Where page n begins, for a provider that counts pages or records; else empty."""
    if paging is None or paging.kind == PagingKind.CURSOR:
        return ""
    if paging.kind == PagingKind.OFFSET:
        return str((wanted.page - 1) * wanted.size)
    return str(paging.first_page + wanted.page - 1)


def _fitting(
    operation: Operation, call: Call, account: Account, wanted: Wanted, selection: Selection
) -> Page:
    """A page of the records that fit, gathered from as many of the provider's as that takes.

    After MOST_PAGES of them, or LONGEST_WALK, it ends early, and the next one goes on from there.
    """
    largest = operation.paging.largest if operation.paging else wanted.size
    position = Position.of(wanted.token)
    passed_over = (wanted.page - 1) * wanted.size
    found: list[dict[str, Any]] = []
    until = time.monotonic() + LONGEST_WALK
    for _ in range(MOST_PAGES):
        asked = replace(call, page_size=largest, page_token=position.token)
        page = sync.run(run.list_steps(operation, asked), account)
        for place, record in enumerate(page.records):
            if place < position.skipped or not selection.wants(record):
                continue
            if passed_over:
                passed_over -= 1
                continue
            if len(found) == wanted.size:
                return Page(found, str(Position(position.token, place)))
            found.append(record)
        if not page.next_token:
            return Page(found)
        position = Position(page.next_token)
        if time.monotonic() >= until:
            break
    if passed_over:
        raise _too_far()
    return Page(found, str(position))


def _require_time(until: float) -> None:
    if time.monotonic() >= until:
        raise _too_far()


def _too_far() -> BadRequest:
    return BadRequest("page: is too far behind to be walked to: go on from the first with nextPage")
