"""One step of a job at the provider: a page of the list, or a batch of its records.

Nothing is stored here: bulk.commit does, or drops it. Memory holds one page of ids, or the
records being read at once and the compressed ones of the batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

import ceql
from bulk.commit import LONGEST_ID, Setback, Step
from bulk.models import BulkJob
from bulk.pack import Packer
from elements import run
from elements.calls import Call
from elements.errors import ParameterError
from elements.types import Element, Operation, Resource
from transport.asynchronous import AsyncRunner
from transport.errors import (
    GrantLost,
    MalformedAnswer,
    NotNow,
    ProviderError,
    ProviderUnreachable,
    TransportError,
    storable,
)
from transport.types import Account

LARGEST_PAGE = 500  # records; fewer where the provider's own largest is less
BATCH = 100  # records read in one step, unless they are large or slow
LARGEST_BATCH = 4_000_000  # bytes of records, after which a batch starts no more
BATCH_WITHIN = 10.0  # seconds, after which a batch starts no more
SIDE_BY_SIDE = 10  # records of one job read at once
MOST_ATTEMPTS = 3  # batches that try a record; each try has the runner's retries in it
LISTS_ANEW = frozenset({400, 404, 410})  # what a page token that expired is answered with

log = structlog.get_logger(__name__)


class UnusableError(Exception):
    """The job cannot go on at all. The message is fit for a customer."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record to be read, and how many batches have tried it already."""

    object_id: str
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a job's records come from.

    `condition` is asked of each record where the provider isn't asked itself.
    """

    resource: Resource
    listing: Operation
    reading: Operation | None  # None: the list has the whole records
    call: Call
    account: Account
    condition: ceql.Condition | None = None

    async def page(self, runner: AsyncRunner, job: BulkJob) -> Step:
        """The next page of the list. Raises GrantLost and UnusableError."""
        paging = self.listing.paging
        size = min(paging.largest, LARGEST_PAGE) if paging else LARGEST_PAGE
        call = replace(self.call, page_size=size, page_token=job.page_token)
        try:
            if not self.listing.listing:
                records = await runner.run(run.answer_steps(self.listing, call), self.account)
                return self._of_records(job, [records], "")
            page = await runner.run(run.list_steps(self.listing, call), self.account)
        except GrantLost:
            raise
        except NotNow as error:
            return Step(setback=Setback(str(error), error.retry_after, units=True))
        except (ProviderError, ProviderUnreachable, MalformedAnswer) as error:
            return _failed_page(job, error)
        if page.next_token and page.next_token == job.page_token:
            raise UnusableError("the provider's list goes round in circles")
        if self.reading is None:
            return self._of_records(job, page.records, page.next_token)
        return self._of_ids(page.records, page.next_token)

    def _of_records(self, job: BulkJob, records: Sequence[Any], token: str) -> Step:
        packer = Packer(job.columns, job.order_field)
        for record in records:
            if isinstance(record, dict) and self.wants(record):
                packer.add(record)
        chunks = packer.chunks()
        return Step(
            found=sum(chunk.records for chunk in chunks),
            page_token=token,
            chunks=chunks,
            columns=list(packer.columns),
        )

    def _of_ids(self, records: Sequence[dict[str, Any]], token: str) -> Step:
        step = Step(page_token=token)
        ids = [_text_id(run.found_at(record, self.resource.id_field)) for record in records]
        unusable = sum(not id_ for id_ in ids)
        if unusable:
            step.errors = {
                "": f"{unusable} records of the provider's list have no {self.resource.id_field} "
                "that can be read"
            }
            step.found = unusable
        step.listed_ids = list(dict.fromkeys(filter(None, ids)))
        return step

    async def batch(self, runner: AsyncRunner, job: BulkJob, waiting: Sequence[Waiting]) -> Step:
        """The records that wait, as many as are read soon. Raises GrantLost."""
        batch = _Batch(self, runner, Packer(job.columns, job.order_field))
        return await batch.read(waiting)

    async def answers(self, runner: AsyncRunner) -> bool:
        """Whether the provider answers at all."""
        call = replace(self.call, page_size=1)
        try:
            await runner.run(run.list_steps(self.listing, call), self.account)
        except GrantLost:
            raise
        except TransportError:
            return False
        return True

    def wants(self, record: dict[str, Any]) -> bool:
        return self.condition is None or ceql.matches(self.condition, record)


class _Batch:
    """Records read side by side and packed in the order in which they came."""

    def __init__(self, source: Source, runner: AsyncRunner, packer: Packer) -> None:
        self._source = source
        self._runner = runner
        self._packer = packer
        self._until = time.monotonic() + BATCH_WITHIN
        self._setback: Setback | None = None
        self._settled: list[str] = []
        self._errors: dict[str, str] = {}
        self._passing: list[tuple[Waiting, str]] = []  # failures that may be over soon, and why

    async def read(self, waiting: Sequence[Waiting]) -> Step:
        queue = list(reversed(waiting))
        running: dict[asyncio.Task[Any], Waiting] = {}
        try:
            while queue or running:
                while queue and len(running) < SIDE_BY_SIDE and self._going_on():
                    one = queue.pop()
                    running[asyncio.create_task(self._record(one.object_id))] = one
                if not running:
                    break
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._settle(running.pop(task), task)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        again = await self._judged()
        return Step(
            chunks=self._packer.chunks(),
            columns=list(self._packer.columns),
            settled=self._settled,
            again=again,
            errors=self._errors,
            setback=self._setback,
        )

    def _going_on(self) -> bool:
        return (
            self._setback is None
            and self._packer.size < LARGEST_BATCH
            and time.monotonic() < self._until
        )

    async def _record(self, object_id: str) -> Any:
        source = self._source
        assert source.reading is not None  # noqa: S101 - else there is nothing to read
        call = replace(source.call, path={"id": object_id})
        return await self._runner.run(run.answer_steps(source.reading, call), source.account)

    def _settle(self, one: Waiting, task: asyncio.Task[Any]) -> None:
        """Puts the record where it belongs. Raises GrantLost."""
        error = task.exception()
        if error is None:
            self._take(one.object_id, task.result())
        elif isinstance(error, GrantLost):
            raise error
        elif isinstance(error, NotNow):
            self._setback = Setback(str(error), error.retry_after, units=True)
        elif isinstance(error, ProviderError) and (error.is_rate_limit or error.status == 401):
            self._setback = Setback(str(error), error.retry_after)
        elif _is_passing(error):
            self._passing.append((one, str(error)))
        elif isinstance(error, TransportError | ParameterError):
            self._refuse(one.object_id, str(error))
        else:
            log.error("bulk.connector_failed", record=one.object_id, exc_info=error)
            self._refuse(one.object_id, f"the connector failed: {type(error).__name__}")

    def _take(self, object_id: str, record: Any) -> None:
        if not isinstance(record, dict):
            self._refuse(object_id, "the provider's answer is not a JSON object")
            return
        if self._source.wants(record):
            self._packer.add(record)
        self._settled.append(object_id)

    def _refuse(self, object_id: str, reason: str) -> None:
        self._errors[object_id] = reason
        self._settled.append(object_id)

    async def _judged(self) -> list[str]:
        """Of what failed for now, the records that failed by their own fault, to be tried again.

        When nothing came through it may be the provider's fault: its list tells.
        """
        if not self._passing:
            return []
        if not self._settled:
            self._setback = self._setback or Setback(self._passing[-1][1])
            if not await self._source.answers(self._runner):
                return []
        again = []
        for one, reason in self._passing:
            if one.attempts + 1 < MOST_ATTEMPTS:
                again.append(one.object_id)
            else:
                self._refuse(one.object_id, reason)
        return again


def _failed_page(job: BulkJob, error: TransportError) -> Step:
    """What follows from a page that did not come. Raises UnusableError."""
    if isinstance(error, ProviderError):
        if error.is_rate_limit or error.status >= 500 or error.status == 401:
            return Step(setback=Setback(str(error), error.retry_after))
        if job.page_token and error.status in LISTS_ANEW:
            return Step(anew=f"the provider no longer knows the next page: {error}")
        raise UnusableError(str(error))
    return Step(setback=Setback(str(error)))


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, ProviderError):
        return error.status >= 500
    return isinstance(error, ProviderUnreachable)


def _text_id(value: Any) -> str:
    """The id as text; empty when it can be none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_ID or storable(value) != value:
        return ""
    return value


def source_for(
    element: Element, resource: Resource, *, call: Call, account: Account, where: str
) -> Source:
    """How a resource is read. Raises UnusableError when it can't be, and ceql.WhereError."""
    listing = resource.listing or resource.single
    if listing is None:
        raise UnusableError(f"{resource.name} of {element.name} cannot be listed")
    reading = None
    if resource.lists_ids_only and listing.listing:
        reading = resource.reading
        if reading is None:
            raise UnusableError(f"records of {resource.name} of {element.name} cannot be read")
    condition = None
    if where and takes(listing, "where"):
        call = replace(call, query={**call.query, "where": where})
    elif where:
        condition = ceql.parse(where)
    return Source(resource, listing, reading, call, account, condition)


def takes(operation: Operation | None, parameter: str) -> bool:
    """Whether the operation has a parameter of that name."""
    return operation is not None and any(one.name == parameter for one in operation.parameters)
