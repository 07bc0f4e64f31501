"""The cursor moves only past history that was read whole."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.tests.stand_in import Mailbox, answer, poll_call, refusal
from transport.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from transport.types import Checkpoint, Request, Response


def test_every_page_is_read_from_the_same_start() -> None:
    mailbox = Mailbox(page_size=3)
    start = str(mailbox.history_id)
    ids = [f"m{number}" for number in range(8)]
    for message_id in ids:
        mailbox.deliver(message_id)
    found = mailbox.run(changed_messages(poll_call(start)))
    pages = mailbox.asked("history")
    assert [request.query.get("pageToken") for request in pages] == [None, "3", "6"]
    assert {request.query["startHistoryId"] for request in pages} == {start}
    assert {request.query["maxResults"] for request in pages} == {500}
    assert [change.object_id for change in found.changes] == ids
    assert found.cursor == str(mailbox.history_id)


def test_the_cursor_is_that_of_the_last_page() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    steps.send(answer({"historyId": "18446744073709551614", "nextPageToken": "x"}))
    with pytest.raises(StopIteration) as end:
        steps.send(answer({"historyId": "18446744073709551615"}))
    assert end.value.value.cursor == "18446744073709551615"


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_an_error_ends_the_poll(status: int) -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    with pytest.raises(ProviderError) as caught:
        steps.send(refusal(status, "some reason"))
    assert caught.value.status == status


def test_an_error_on_a_later_page_ends_the_poll() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    steps.send(answer({"historyId": "9", "nextPageToken": "x"}))
    with pytest.raises(ProviderError):
        steps.send(refusal(500))


def test_no_answer_ends_the_poll() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    with pytest.raises(ProviderUnreachable):
        steps.throw(ProviderUnreachable("cut"))


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"historyId": ""},
        {"historyId": None},
        {"historyId": True},
        {"historyId": "1\0"},
        {"historyId": "\ud800"},
        {"historyId": "9" * 5000},
        {"historyId": -1},
        {"historyId": "9", "history": {}},
        {"historyId": "9", "history": ["x"]},
        {"historyId": "9", "history": [{"messagesAdded": [{}]}]},
        {"historyId": "9", "history": [{"messagesAdded": [{"message": {"id": ""}}]}]},
        {"historyId": "9", "history": [{"messagesAdded": [{"message": {"id": "../x"}}]}]},
        {"historyId": "9", "history": [{"messagesAdded": [{"message": {"id": 5}}]}]},
        {"historyId": "9", "history": [{"labelsAdded": "x"}]},
    ],
)
def test_an_answer_that_is_not_gmails_ends_the_poll(body: Any) -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    with pytest.raises(MalformedAnswer):
        steps.send(answer(body))


def test_html_ends_the_poll() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    with pytest.raises(MalformedAnswer):
        steps.send(Response(200, {}, b"<html>"))


def test_a_page_token_that_repeats_does_not_go_round_for_ever() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    steps.send(answer({"historyId": "9", "nextPageToken": "x"}))
    with pytest.raises(MalformedAnswer):
        steps.send(answer({"historyId": "9", "nextPageToken": "x"}))


@pytest.mark.parametrize(
    "record",
    [
        {"id": "8", "messages": [{"id": "m1", "threadId": "t1"}]},
        {"id": "8", "messagesAdded": None},
        {"id": "8", "somethingNew": [{"message": {"id": "m1"}}]},
    ],
)
def test_only_the_change_fields_of_a_record_are_believed(record: dict[str, Any]) -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(answer({"historyId": "9", "history": [record]}))
    assert end.value.value.changes == ()
    assert end.value.value.cursor == "9"


def test_a_record_may_hold_several_messages() -> None:
    message = {"threadId": "t", "labelIds": ["INBOX"]}
    steps = changed_messages(poll_call("7"))
    next(steps)
    record = {
        "id": "8",
        "messagesAdded": [{"message": {"id": "a", **message}}, {"message": {"id": "b", **message}}],
        "messagesDeleted": [{"message": {"id": "b", **message}}],
    }
    assert isinstance(steps.send(answer({"historyId": "9", "history": [record]})), Checkpoint)
    fetches = next(steps)
    assert isinstance(fetches, list)
    assert [request.url for request in fetches] == ["/gmail/v1/users/me/messages/a"]
    with pytest.raises(StopIteration) as end:
        steps.send([answer({"id": "a", **message, "historyId": "8"})])
    kinds = [(change.object_id, change.change_type) for change in end.value.value.changes]
    assert kinds == [("a", "CREATED"), ("b", "DELETED")]


def test_the_request_names_what_it_costs() -> None:
    request = next(changed_messages(poll_call("7")))
    assert isinstance(request, Request)
    assert request.units == 2
