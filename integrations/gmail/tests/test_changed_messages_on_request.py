"""GET changed-messages by a person: what changed since the history id they name."""

from __future__ import annotations

import pytest

from elements.calls import Call
from elements.errors import ParameterError
from integrations.gmail.changed_messages import list_changed_messages
from integrations.gmail.tests.stand_in import Mailbox, refusal
from transport.errors import ProviderError, ProviderUnreachable


@pytest.mark.parametrize(
    "query",
    [
        {"historyId": "1000"},
        {"where": "historyId>'1000'"},
        {"where": " `historyid` > '1000' "},
        {"where": "historyId>1000"},
    ],
)
def test_the_start_is_named_as_a_parameter_or_in_a_where_clause(query: dict[str, str]) -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1")
    mailbox.deliver("m2")
    mailbox.delete("m1")
    page = mailbox.run(list_changed_messages(Call(query=query)))
    assert [(r["id"], r["changeType"]) for r in page.records] == [
        ("m1", "DELETED"),
        ("m2", "CREATED"),
    ]
    assert {record["nextHistoryId"] for record in page.records} == {str(mailbox.history_id)}
    assert page.next_token == str(mailbox.history_id)


def test_following_the_tokens_brings_everything_and_ends() -> None:
    mailbox = Mailbox()
    for number in range(23):
        mailbox.deliver(f"m{number}")
    seen: list[str] = []
    call = Call(query={"historyId": "1000"}, page_size=5)
    for _ in range(10):
        page = mailbox.run(list_changed_messages(call))
        seen += [record["id"] for record in page.records]
        if not page.next_token:
            break
        call = Call(query=call.query, page_size=5, page_token=page.next_token)
    else:
        pytest.fail("the pages never end")
    assert seen == [f"m{number}" for number in range(23)]


def test_without_a_start_it_says_where_the_history_stands() -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1")
    page = mailbox.run(list_changed_messages(Call()))
    assert (page.records, page.next_token) == ([], str(mailbox.history_id))


@pytest.mark.parametrize(
    "query",
    [
        {"historyId": "1&pageToken=x"},
        {"historyId": "../messages"},
        {"where": "historyId<'1000'"},
        {"where": "id='1000'"},
        {"where": "historyId>'1000' OR 1=1"},
    ],
)
def test_a_start_that_is_none_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        Mailbox().run(list_changed_messages(Call(query=query)))


def test_an_expired_start_is_not_found() -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1")
    mailbox.expire()
    with pytest.raises(ProviderError) as caught:
        mailbox.run(list_changed_messages(Call(query={"historyId": "1000"})))
    assert caught.value.status == 404
    assert "expired" in caught.value.provider_message


def test_a_message_that_cannot_be_fetched_is_an_error_and_not_left_out() -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1")
    mailbox.faults["m1"] = refusal(500)
    with pytest.raises(ProviderUnreachable):
        mailbox.run(list_changed_messages(Call(query={"historyId": "1000"})))
