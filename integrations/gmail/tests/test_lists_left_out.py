"""A list that an answer leaves out is empty only where Gmail says so: else all would seem gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from elements.calls import Call, Page
from integrations.gmail.beginning import messages_since
from integrations.gmail.history import read_history
from integrations.gmail.resources.drafts import list_drafts
from integrations.gmail.resources.mailbox import list_history
from integrations.gmail.resources.messages import list_messages
from integrations.gmail.resources.threads import list_threads
from integrations.gmail.tests.stand_in import NOW, answer
from transport.errors import MalformedAnswer
from transport.types import Steps

LISTS: dict[str, tuple[Callable[[], Steps[Any]], str]] = {
    "messages": (lambda: list_messages(Call()), "resultSizeEstimate"),
    "threads": (lambda: list_threads(Call()), "resultSizeEstimate"),
    "drafts": (lambda: list_drafts(Call()), "resultSizeEstimate"),
    "history": (lambda: list_history(Call(query={"startHistoryId": "7"})), "historyId"),
    "messages of the first poll": (lambda: messages_since(NOW), "resultSizeEstimate"),
    "history of a poll": (
        lambda: read_history("7", lambda _: pytest.fail("there is no other page")),
        "historyId",
    ),
}
FAILED: tuple[dict[str, Any], ...] = (
    {"error": {"code": 500, "message": "Internal error"}},
    {"status": "error"},
    {"code": 503},
    {"fault": {"faultstring": "Rate limit"}},
    {"success": False},
    {"errors": ["x"], "messages": [], "threads": [], "drafts": [], "history": []},
)


def read(name: str, body: object) -> Any:
    """What the reading of the list makes of its only page."""
    steps = LISTS[name][0]()
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(answer(body))
    return end.value.value


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("body", FAILED, ids=str)
@pytest.mark.parametrize("beside", [False, True])
def test_an_answer_that_says_that_it_failed_is_no_empty_list(
    name: str, body: dict[str, Any], *, beside: bool
) -> None:
    more = {LISTS[name][1]: "9"} if beside else {}
    steps = LISTS[name][0]()
    next(steps)
    with pytest.raises(MalformedAnswer):
        steps.send(answer(body | more))


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("body", [{}, {"items": []}, {"message": "try later"}], ids=str)
def test_an_answer_of_another_shape_is_no_empty_list(name: str, body: object) -> None:
    steps = LISTS[name][0]()
    next(steps)
    with pytest.raises(MalformedAnswer):
        steps.send(answer(body))


@pytest.mark.parametrize("name", LISTS)
def test_gmail_leaves_out_an_empty_list(name: str) -> None:
    found = read(name, {LISTS[name][1]: "9"})
    records = found.records if isinstance(found, Page) else getattr(found, "sightings", found)
    assert len(records) == 0
