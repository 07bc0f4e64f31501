"""Runs many connectors at once on one event loop: the poll engine's runner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from transport.byte_budget import BUDGET, FREE, LOOK_AGAIN, AnswerBytes
from transport.conversation import Operation, Refresh, converse
from transport.errors import (
    AddressRefused,
    AnswerTooLarge,
    MalformedAnswer,
    NoRoom,
    ProviderUnreachable,
    TransportError,
    UnitsUsedUp,
)
from transport.guard import NO_PUBLIC_ADDRESS, AddressGuard, default_guard
from transport.headers import headers_of
from transport.limits import DEFAULT_LIMITS, Limits
from transport.outgoing import COMMON_HEADERS, Outgoing
from transport.retry import pause_before_retry, refusal
from transport.types import Account, Checkpoint, Meter, Outcome, Question, Response, Steps

T = TypeVar("T")
AsyncKnown = Callable[[Any], Awaitable[Mapping[str, Any]]]  # of a Question
Reached = Callable[[Any], None]

CHUNK = 16_384  # bytes


@asynccontextmanager
async def open_session(
    concurrency: int, *, guard: AddressGuard | None = None
) -> AsyncGenerator[aiohttp.ClientSession, None]:
    """A guarded session with at most `concurrency` connections in use at once.

    It keeps no cookies, for it serves many accounts, and reads no proxy from the environment.
    Whoever sends on it without a runner must say allow_redirects=False.
    """
    session = aiohttp.ClientSession(
        connector=(guard or default_guard()).connector(limit=concurrency),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=COMMON_HEADERS,
        trust_env=False,
        read_bufsize=CHUNK,
    )
    async with session:
        yield session


class AsyncRunner:
    """Sends requests through `session`, which comes from `open_session`.

    One runner serves any number of runs at once; its requests queue for the session's connections
    outside their time limit.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        limits: Limits = DEFAULT_LIMITS,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._limits = limits
        self._sleep = sleep
        self._timeout = aiohttp.ClientTimeout(total=limits.total, connect=limits.connect)
        connector = session.connector
        connections = connector.limit if connector is not None else 0
        self._connections = asyncio.Semaphore(connections or 1_000_000)

    async def run(
        self,
        steps: Steps[T],
        account: Account,
        *,
        known: AsyncKnown | None = None,
        reached: Reached | None = None,
    ) -> T:
        """Drives `steps` to its result on behalf of `account`.

        `known` answers a Question; `reached` is given the result of each Checkpoint.
        The generator is closed in every case. Raises what it raises, and GrantLost when the
        account's authorization is gone.
        """
        talk = converse(steps, account)
        try:
            operation = next(talk)
            while True:
                try:
                    answer = await self._perform(operation, known, reached, account.meter)
                except TransportError as error:
                    operation = talk.throw(error)
                else:
                    operation = talk.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            talk.close()

    async def _perform(
        self,
        operation: Operation,
        known: AsyncKnown | None,
        reached: Reached | None,
        meter: Meter | None,
    ) -> Any:
        if isinstance(operation, Refresh):
            return await operation.authorizer.arefresh(operation.rejected)
        if isinstance(operation, Question):
            if known is None:
                raise RuntimeError("a connector asks for known objects, and none were given")
            return await known(operation)
        if isinstance(operation, Checkpoint):
            if reached is not None:
                reached(operation.result)
            return None
        if len(operation) == 1:
            return [await self._settle(operation[0], meter, operation[0].units)]
        return await self._side_by_side(operation, meter)

    async def _side_by_side(self, outgoings: list[Outgoing], meter: Meter | None) -> list[Outcome]:
        turn = asyncio.Semaphore(self._limits.side_by_side)
        ahead = sum(outgoing.units for outgoing in outgoings)

        async def settle(outgoing: Outgoing) -> Outcome:
            nonlocal ahead
            async with turn:
                try:
                    return await self._settle(outgoing, meter, ahead)
                finally:
                    ahead -= outgoing.units

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(settle(outgoing)) for outgoing in outgoings]
        return [task.result() for task in tasks]

    async def _settle(self, outgoing: Outgoing, meter: Meter | None, ahead: int) -> Outcome:
        """The final outcome of one request: retries happen here, and each attempt is paid for."""
        began = time.monotonic()
        attempt = 1
        while True:
            async with self._connections:
                if meter is not None and outgoing.units:
                    wait = await self._unpaid(outgoing.units, meter, ahead)
                    if wait:
                        return UnitsUsedUp(wait)
                outcome = await self._attempt(outgoing)
            if isinstance(outcome, Response) and outcome.ok:
                return outcome
            elapsed = time.monotonic() - began
            pause = pause_before_retry(outgoing.method, outcome, attempt, elapsed, self._limits)
            if pause is None:
                if meter is not None and (error := refusal(outcome)) is not None:
                    await meter.arefused(error)
                return outcome
            await self._sleep(pause)
            attempt += 1

    async def _unpaid(self, units: int, meter: Meter, ahead: int) -> float:
        """0 when the units are paid, after a short wait if need be; else how long it would be."""
        wait = meter.take(units, ahead)
        if wait is None:
            wait = await meter.adraw(units, ahead)
        if not 0 < wait <= self._limits.units_within:
            return wait
        await self._sleep(wait)
        return await meter.adraw(units, ahead)

    async def _attempt(self, outgoing: Outgoing) -> Outcome:
        with BUDGET.answer() as held:
            outcome = await self._sent(outgoing, held)
            if isinstance(outcome, Response):
                held.keep(outcome)
            return outcome

    async def _sent(self, outgoing: Outgoing, held: AnswerBytes) -> Outcome:
        try:
            async with self._session.request(
                outgoing.method,
                URL(outgoing.url, encoded=True),
                data=outgoing.body,
                headers=outgoing.headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                headers = headers_of(answer.headers.items())
                body = await self._body(answer, outgoing, held)
                return Response.arrived(answer.status, headers, body, outgoing.limit_codes)
        except TransportError as error:
            return error
        except aiohttp.InvalidURL:
            return AddressRefused("the request's URL cannot be read")
        except TimeoutError:
            if held.has_waited:
                return NoRoom()
            return ProviderUnreachable(f"no whole answer within {self._limits.total:g} s")
        except aiohttp.ClientPayloadError as error:
            if isinstance(error.__cause__, ContentEncodingError):
                return MalformedAnswer("the provider's answer cannot be decompressed")
            return ProviderUnreachable("the provider cut the connection")
        except aiohttp.ClientError as error:
            return ProviderUnreachable(_why(error))

    async def _body(
        self, answer: aiohttp.ClientResponse, outgoing: Outgoing, held: AnswerBytes
    ) -> bytes:
        """The whole body, in bounded memory."""
        limit = max(self._limits.body, outgoing.max_body)
        announced = answer.content_length
        if announced is not None and announced <= min(FREE, limit) and not _packed(answer):
            return await answer.read()
        chunks: list[bytes] = []
        size = 0
        async for chunk in answer.content.iter_chunked(CHUNK):
            await _take(held, len(chunk))
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise AnswerTooLarge(limit)
        return b"".join(chunks)


async def _take(held: AnswerBytes, size: int) -> None:
    """Wait until there is room for so many bytes more. Raises NoRoom."""
    while True:
        if held.take(size):
            return
        await asyncio.sleep(LOOK_AGAIN)


def _packed(answer: aiohttp.ClientResponse) -> bool:
    return "Content-Encoding" in answer.headers


def _why(error: aiohttp.ClientError) -> str:
    """What went wrong, without the URL: it may hold what is nobody else's business."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the provider cannot be called: {NO_PUBLIC_ADDRESS}"
    if isinstance(error, aiohttp.ClientSSLError):
        return "the provider's TLS certificate or connection is not valid"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the provider could not be connected to"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the provider's answer is not HTTP"
    return "the provider cut the connection"
