"""What is said between a connector and a runner, without I/O: the part both runners share.

Rule 1: which request is sent, what is done about a rejected token or a redirect, and what the
connector is told is decided here and nowhere else. (Whether an attempt is repeated is decided in
retry.py.)
Rule 2: a runner only performs operations, and answers each as its type says.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import structlog

from transport.errors import GrantLost, TransportError
from transport.outgoing import Outgoing, is_own, prepare, redirected
from transport.types import (
    Account,
    Authorizer,
    Checkpoint,
    Outcome,
    Question,
    Request,
    Response,
    Steps,
)

T = TypeVar("T")

log = structlog.get_logger(__name__)

MOST_REDIRECTS = 5  # of one request


@dataclass(frozen=True, slots=True)
class Refresh:
    """Asks for a token other than `rejected`. Answered by the token; a TransportError is thrown."""

    authorizer: Authorizer
    rejected: str


Operation: TypeAlias = list[Outgoing] | Refresh | Question | Checkpoint
"""Requests to send side by side are answered by their outcomes in the same order, a Question by
a mapping, a Checkpoint by None."""
Conversation: TypeAlias = Generator[Operation, Any, T]


def converse(steps: Steps[T], account: Account) -> Conversation[T]:
    """Drives `steps` to its result and closes it in every case.

    An exception that ends the conversation, GrantLost among them, is not shown to the connector.
    """
    try:
        step = next(steps)
        while True:
            if isinstance(step, Request):
                [outcome] = yield from _answers((step,), account)
                if isinstance(outcome, Response):
                    step = steps.send(outcome)
                else:
                    step = steps.throw(outcome)
            elif isinstance(step, Question | Checkpoint):
                step = steps.send((yield step))
            else:
                step = steps.send((yield from _answers(step, account)))
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        steps.close()


def _answers(requests: Sequence[Request], account: Account) -> Conversation[list[Outcome]]:
    """The outcome of each request, or of the one that a redirect within the origin leads to."""
    outcomes = yield from _authorized(requests, account)
    asked = list(requests)
    for _ in range(MOST_REDIRECTS):
        moved = {
            place: request
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, Response)
            and (request := redirected(asked[place], outcome, account)) is not None
        }
        if not moved:
            break
        again = yield from _authorized([*moved.values()], account)
        for (place, request), outcome in zip(moved.items(), again, strict=True):
            asked[place], outcomes[place] = request, outcome
    if account.moved is not None:
        for before, after, outcome in zip(requests, asked, outcomes, strict=True):
            if after is not before and isinstance(outcome, Response) and _is_answer(outcome):
                account.moved(urlsplit(before.url).path, urlsplit(after.url).path)
    return outcomes


def _is_answer(response: Response) -> bool:
    return response.ok or response.status == 304  # to who has it already


def _authorized(requests: Sequence[Request], account: Account) -> Conversation[list[Outcome]]:
    """The outcome of each request, those rejected with 401 repeated once with another token."""
    authorizer = account.authorizer
    token = authorizer.access_token() if authorizer else None
    outcomes = yield from _outcomes(requests, account, token)
    if authorizer is None or token is None:
        return outcomes
    rejected = [
        place
        for place, outcome in enumerate(outcomes)
        if _is_rejection(outcome) and is_own(requests[place], account)
    ]
    if not rejected:
        return outcomes
    try:
        another = yield from _another_token(authorizer, token)
    except GrantLost:
        raise
    except TransportError as error:
        again: list[Outcome] = [error] * len(rejected)
    else:
        again = yield from _outcomes([requests[i] for i in rejected], account, another)
    for i, outcome in zip(rejected, again, strict=True):
        outcomes[i] = outcome
    return outcomes


def _another_token(authorizer: Authorizer, rejected: str) -> Conversation[str]:
    current = authorizer.access_token()
    if current != rejected:
        return current  # somebody has refreshed it while our request was under way
    log.debug("access token rejected")
    token: str = yield Refresh(authorizer, rejected)
    return token


def _outcomes(
    requests: Sequence[Request], account: Account, token: str | None
) -> Conversation[list[Outcome]]:
    outcomes: list[Outcome] = []
    ready: list[Outgoing] = []
    places: list[int] = []
    for place, request in enumerate(requests):
        try:
            ready.append(prepare(request, account, token))
        except TransportError as error:
            outcomes.append(error)
        else:
            outcomes.append(_UNSENT)
            places.append(place)
    if ready:
        answers: list[Outcome] = yield ready
        for place, answer in zip(places, answers, strict=True):
            outcomes[place] = answer
    return outcomes


_UNSENT = TransportError("the request was not sent")


def _is_rejection(outcome: Outcome) -> bool:
    return isinstance(outcome, Response) and outcome.status == 401
