"""The smallest connectors, and an account's authorizer, for tests of the runners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from transport.errors import TransportError
from transport.types import Outcome, Request, Response, Steps


def one(request: Request) -> Steps[Response]:
    """Gives back the answer to one request."""
    response: Response = yield request
    return response


def several(requests: Sequence[Request]) -> Steps[list[Outcome]]:
    """Gives back the outcomes of requests that run side by side."""
    outcomes: list[Outcome] = yield requests
    return outcomes


def in_turn(requests: Sequence[Request]) -> Steps[list[Response]]:
    """Gives back the answers to requests of which each waits for the one before."""
    responses: list[Response] = []
    for request in requests:
        responses += [(yield request)]
    return responses


@dataclass
class Tokens:
    """An authorizer that goes through `tokens` in turn; raises `error` on refresh when set."""

    tokens: list[str]
    error: TransportError | None = None
    rejected: list[str] = field(default_factory=list)

    def access_token(self) -> str:
        return self.tokens[0]

    def refresh(self, rejected: str) -> str:
        self.rejected.append(rejected)
        if self.error is not None:
            raise self.error
        self.tokens.pop(0)
        return self.tokens[0]

    async def arefresh(self, rejected: str) -> str:
        return self.refresh(rejected)
