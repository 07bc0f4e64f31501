"""Runs several generators as one, so that their requests go out together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from transport.errors import TransportError
from transport.types import Checkpoint, Outcome, Question, Request, Step, Steps

T = TypeVar("T")


def side_by_side(runs: Iterable[Steps[T]]) -> Steps[list[T | TransportError]]:
    """What each run came to, in their order: its result, or the TransportError that ended it.

    Any other error ends all of them. None of the runs may ask for known objects.
    """
    everyone = list(runs)
    results: list[T | TransportError | None] = [None] * len(everyone)
    steps: dict[int, Step] = {}

    def advance(place: int, answer: Any) -> None:
        run = everyone[place]
        try:
            if isinstance(answer, TransportError):
                steps[place] = run.throw(answer)
            else:
                steps[place] = run.send(answer)
        except StopIteration as done:
            results[place] = done.value
        except TransportError as error:
            results[place] = error

    try:
        for place in range(len(everyone)):
            advance(place, None)
        while steps:
            waiting, steps = steps, {}
            requests = {place: _requests(step) for place, step in waiting.items()}
            outcomes: list[Outcome] = yield [one for asked in requests.values() for one in asked]
            for place, asked in requests.items():
                own, outcomes = outcomes[: len(asked)], outcomes[len(asked) :]
                advance(place, own[0] if isinstance(waiting[place], Request) else own)
    finally:
        for run in everyone:
            run.close()
    return results  # type: ignore[return-value]  # every run has ended


def _requests(step: Step) -> Sequence[Request]:
    if isinstance(step, Question | Checkpoint):
        raise TypeError("a run beside others asks for known objects")
    return (step,) if isinstance(step, Request) else step
