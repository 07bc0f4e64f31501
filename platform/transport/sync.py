"""Runs a connector within a blocking call, such as a hub call of a web request."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

import requests
from requests import exceptions as failures
from urllib3 import exceptions as urllib3_failures

from transport import waiting
from transport.byte_budget import BUDGET, LOOK_AGAIN, AnswerBytes
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
Known = Callable[[Any], Mapping[str, Any]]  # of a Question

CHUNK = 65536  # bytes


def run(
    steps: Steps[T],
    account: Account,
    *,
    known: Known | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> T:
    """Drives `steps` to its result on behalf of `account`, under the settings' address guard.

    `known` answers a Question. The generator is closed in every case. Raises what it
    raises, and GrantLost when the account's authorization is gone. Token refresh and `known` run
    in the caller's thread.

    Within a web request nothing is asked where too many wait (transport.waiting), and all that the
    request asks ends within waiting.WITHIN.
    """
    waiting.begin()
    runner = SyncRunner(_session(default_guard(), os.getpid()), limits=limits)
    return runner.run(steps, account, known=known)


@lru_cache(maxsize=8)
def _session(guard: AddressGuard, process: int) -> requests.Session:
    """The session of this process: a child must not write on its parent's connections."""
    return guard.session()


class SyncRunner:
    """Sends requests through `session`, which comes from `AddressGuard.session`."""

    def __init__(
        self,
        session: requests.Session,
        *,
        limits: Limits = DEFAULT_LIMITS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = session
        self._limits = limits
        self._sleep = sleep

    def run(self, steps: Steps[T], account: Account, *, known: Known | None = None) -> T:
        """As the module's `run`."""
        talk = converse(steps, account)
        try:
            operation = next(talk)
            while True:
                try:
                    answer = self._perform(operation, known, account.meter)
                except TransportError as error:
                    operation = talk.throw(error)
                else:
                    operation = talk.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            talk.close()

    def _perform(self, operation: Operation, known: Known | None, meter: Meter | None) -> Any:
        if isinstance(operation, Refresh):
            return operation.authorizer.refresh(operation.rejected)
        if isinstance(operation, Question):
            if known is None:
                raise RuntimeError("a connector asks for known objects, and none were given")
            return known(operation)
        if isinstance(operation, Checkpoint):
            return None  # whoever waits for a result has no use for a part of it
        if len(operation) == 1:
            [outgoing] = operation
            outcome = self._paid(outgoing, meter, outgoing.units) or self._settle(
                outgoing, lambda: self._paid(outgoing, meter, outgoing.units) is None
            )
            return [self._heeded(outcome, meter)]
        return self._side_by_side(operation, meter)

    def _side_by_side(self, outgoings: list[Outgoing], meter: Meter | None) -> list[Outcome]:
        """Some at a time: what they cost is asked for in this thread, which has the database."""
        outcomes: list[Outcome] = []
        most = self._limits.side_by_side
        ahead = sum(outgoing.units for outgoing in outgoings)

        def settle(outgoing: Outgoing) -> Outcome:
            return self._settle(outgoing, lambda: _at_hand(outgoing, meter))

        with ThreadPoolExecutor(min(len(outgoings), most)) as threads:
            for start in range(0, len(outgoings), most):
                answers: list[Outcome | Future[Outcome]] = []
                for outgoing in outgoings[start : start + most]:
                    unpaid = self._paid(outgoing, meter, ahead)
                    answers.append(unpaid or threads.submit(copy_context().run, settle, outgoing))
                    ahead -= outgoing.units
                outcomes += [
                    self._heeded(one.result() if isinstance(one, Future) else one, meter)
                    for one in answers
                ]
        return outcomes

    def _paid(self, outgoing: Outgoing, meter: Meter | None, ahead: int) -> UnitsUsedUp | None:
        """None when the request is paid, after a short wait if need be."""
        if meter is None or not outgoing.units:
            return None
        wait = meter.take(outgoing.units, ahead)
        if wait is None:
            wait = meter.draw(outgoing.units, ahead)
        if 0 < wait <= self._limits.units_within:
            self._sleep(wait)
            wait = meter.draw(outgoing.units, ahead)
        return UnitsUsedUp(wait) if wait else None

    def _heeded(self, outcome: Outcome, meter: Meter | None) -> Outcome:
        """The outcome, once the meter knows of a quota that the provider calls used up."""
        if meter is not None and (error := refusal(outcome)) is not None:
            meter.refused(error)
        return outcome

    def _settle(self, outgoing: Outgoing, paid_again: Callable[[], bool]) -> Outcome:
        """The final outcome of one request that is paid: retries happen here."""
        began = time.monotonic()
        attempt = 1
        while True:
            outcome = self._attempt(outgoing)
            if isinstance(outcome, Response) and outcome.ok:
                return outcome
            elapsed = time.monotonic() - began
            pause = pause_before_retry(outgoing.method, outcome, attempt, elapsed, self._limits)
            if pause is None or waiting.time_left(pause) < pause or not paid_again():
                return outcome
            self._sleep(pause)
            attempt += 1

    def _attempt(self, outgoing: Outgoing) -> Outcome:
        with BUDGET.answer() as held:
            outcome = self._sent(outgoing, held)
            if isinstance(outcome, Response):
                held.keep(outcome)
            return outcome

    def _sent(self, outgoing: Outgoing, held: AnswerBytes) -> Outcome:
        within = waiting.time_left(self._limits.total)
        limits = replace(self._limits, body=max(self._limits.body, outgoing.max_body))
        began = time.monotonic()
        try:
            with self._session.request(
                outgoing.method,
                outgoing.url,
                data=outgoing.body,
                headers={**COMMON_HEADERS, **outgoing.headers},
                timeout=(min(self._limits.connect, within), within),
                allow_redirects=False,
                stream=True,
            ) as answer:
                return Response.arrived(
                    answer.status_code,
                    headers_of(answer.raw.headers.items()),
                    read_body(answer, limits, began, within, held),
                    outgoing.limit_codes,
                )
        except TransportError as error:
            return error
        except (failures.InvalidURL, failures.InvalidSchema, failures.MissingSchema):
            return AddressRefused("the request's URL cannot be read")
        except urllib3_failures.DecodeError:
            return MalformedAnswer("the provider's answer cannot be decompressed")
        except (failures.ConnectTimeout, failures.ReadTimeout, urllib3_failures.TimeoutError):
            return ProviderUnreachable(f"no answer within {within:.3g} s")
        except (failures.RequestException, urllib3_failures.HTTPError) as error:
            return ProviderUnreachable(_why(error))


def _at_hand(outgoing: Outgoing, meter: Meter | None) -> bool:
    """Whether the request could be paid at once, and is."""
    return meter is None or not outgoing.units or meter.take(outgoing.units, outgoing.units) == 0


def read_body(
    answer: requests.Response,
    limits: Limits,
    began: float,
    within: float,
    held: AnswerBytes | None = None,
) -> bytes:
    """The whole body of an answer got with `stream`, in bounded time and memory.

    Read as it arrives: `answer.content` would wait for as long as bytes keep dripping in.
    `began` is on the monotonic clock, `within` in seconds since. `held` counts what is read; where
    answers are small they go without. Raises MalformedAnswer, NoRoom, ProviderUnreachable, and what
    requests and urllib3 raise.
    """
    chunks: list[bytes] = []
    size = 0
    while chunk := answer.raw.read1(CHUNK, decode_content=True):
        while held is not None and not held.take(len(chunk)):
            time.sleep(LOOK_AGAIN)
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.body:
            raise AnswerTooLarge(limits.body)
        if time.monotonic() > began + within:
            if held is not None and held.has_waited:
                raise NoRoom
            raise ProviderUnreachable(f"no whole answer within {within:.3g} s")
    return b"".join(chunks)


def _why(error: Exception) -> str:
    """What went wrong, without the URL: it may hold what is nobody else's business."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, urllib3_failures.MaxRetryError):
            cause = cause.reason
            continue
        if isinstance(cause, urllib3_failures.NameResolutionError):
            return f"the provider cannot be called: {NO_PUBLIC_ADDRESS}"
        if isinstance(cause, (failures.SSLError, urllib3_failures.SSLError)):
            return "the provider's TLS certificate or connection is not valid"
        if isinstance(cause, urllib3_failures.NewConnectionError):
            return "the provider could not be connected to"
        cause = cause.args[0] if cause.args and isinstance(cause.args[0], Exception) else None
    return "the provider cut the connection"
