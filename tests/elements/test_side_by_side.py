"""Several generators run as one: their requests go out together."""

from __future__ import annotations

from typing import Any

import pytest

from elements.side_by_side import side_by_side
from transport.errors import ProviderUnreachable, TransportError
from transport.types import KnownObjects, Outcome, Request, Response, Steps


def asks(*paths: str) -> Steps[list[int]]:
    """One request after another; the statuses."""
    statuses = []
    for path in paths:
        response: Response = yield Request("GET", path)
        statuses.append(response.raise_for_status().status)
    return statuses


def asks_together(*paths: str) -> Steps[list[str]]:
    outcomes: list[Outcome] = yield [Request("GET", path) for path in paths]
    return [type(outcome).__name__ for outcome in outcomes]


def drive(runs: list[Any]) -> tuple[list[Any], list[list[str]]]:
    """The results, and the paths of each round. A path names its status; /cut is unreachable."""
    rounds: list[list[str]] = []
    steps = side_by_side(runs)
    try:
        requests: Any = next(steps)
        while True:
            rounds.append([request.url for request in requests])
            requests = steps.send([outcome(request.url) for request in requests])
    except StopIteration as done:
        return done.value, rounds


def outcome(path: str) -> Outcome:
    if path == "/cut":
        return ProviderUnreachable("the provider cut the connection")
    return Response(int(path.lstrip("/")), {}, b"")


def test_requests_of_one_round_go_out_together() -> None:
    results, rounds = drive([asks("/200", "/201"), asks("/202"), asks_together("/203", "/204")])
    assert results == [[200, 201], [202], ["Response", "Response"]]
    assert rounds == [["/200", "/202", "/203", "/204"], ["/201"]]


def test_an_error_ends_its_own_run_only() -> None:
    results, _ = drive([asks("/404"), asks("/cut"), asks("/200"), asks_together("/cut", "/500")])
    assert isinstance(results[0], TransportError)
    assert isinstance(results[1], ProviderUnreachable)
    assert results[2:] == [[200], ["ProviderUnreachable", "Response"]]


def test_no_runs_ask_nothing() -> None:
    assert drive([]) == ([], [])
    assert drive([asks()]) == ([[]], [])


def test_another_error_ends_all_and_closes_them() -> None:
    closed = []

    def waits() -> Steps[None]:
        try:
            yield Request("GET", "/200")
        finally:
            closed.append(True)

    def fails() -> Steps[None]:
        raise ValueError
        yield Request("GET", "/200")

    with pytest.raises(ValueError):  # noqa: PT011 - ours, without a message
        drive([waits(), fails()])
    assert closed == [True]


def test_known_objects_cannot_be_asked_for() -> None:
    def asks_what_is_known() -> Steps[None]:
        yield KnownObjects()

    with pytest.raises(TypeError, match="asks for known objects"):
        drive([asks_what_is_known()])
