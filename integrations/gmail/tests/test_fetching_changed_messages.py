"""A message that cannot be fetched is put aside, and blocks no other."""

from __future__ import annotations

from typing import Any

import pytest

from elements.calls import Changes, ChangeType, Unfetched
from integrations.gmail import messages
from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.messages import FORMAT_KEY
from integrations.gmail.tests.stand_in import Mailbox, answer, poll_call, refusal, waiting
from transport.errors import GrantLost, ProviderError, ProviderUnreachable, TransportError
from transport.types import Outcome, Response


def found_ids(found: Changes) -> list[str]:
    return [change.object_id for change in found.changes]


def three_new(mailbox: Mailbox) -> str:
    start = str(mailbox.history_id)
    for message_id in ("a", "b", "c"):
        mailbox.deliver(message_id)
    return start


def test_a_message_that_is_gone_is_counted_and_skipped() -> None:
    mailbox = Mailbox()
    start = three_new(mailbox)
    del mailbox.messages["b"]
    found = mailbox.run(changed_messages(poll_call(start)))
    assert found_ids(found) == ["a", "c"]
    assert found.missing == ("b",)
    assert found.unfetched == ()


@pytest.mark.parametrize(
    ("fault", "error", "retry_after"),
    [
        (refusal(500, "backendError"), "500", None),
        (refusal(503, "backendError", retry_after="30"), "503", 30.0),
        (refusal(403, "forbidden"), "403", None),
        (refusal(400, "failedPrecondition"), "400", None),
        (ProviderUnreachable("the connection was cut"), "the connection was cut", None),
        (Response(200, {}, b"<html>"), "not JSON", None),
        (answer([]), "not a JSON object", None),
        (answer({"id": "z", "threadId": "t"}), "something else", None),
        (answer({"id": "b"}), "something else", None),
        (answer({"id": "b", "threadId": "t", "labelIds": "INBOX"}), "labelIds", None),
        (Response(200, {}, b'{"payload":' * 1000 + b"1" + b"}" * 1000), "deeper", None),
    ],
)
def test_a_poisoned_message_is_put_aside_while_others_flow(
    fault: Outcome, error: str, retry_after: float | None
) -> None:
    mailbox = Mailbox()
    start = three_new(mailbox)
    mailbox.faults["b"] = fault
    found = mailbox.run(changed_messages(poll_call(start)))
    assert found_ids(found) == ["a", "c"]
    (aside,) = found.unfetched
    assert (aside.object_id, aside.change_type) == ("b", ChangeType.CREATED)
    assert error in aside.error
    assert aside.retry_after == retry_after
    assert found.cursor == str(mailbox.history_id), "the cursor moves past it"


@pytest.mark.parametrize("form", ["full", "raw"])
def test_a_message_too_large_to_be_read_whole_is_told_by_its_headers(form: str) -> None:
    """Waiting, it would be read and thrown away again at every poll."""
    mailbox = Mailbox()
    start = three_new(mailbox)
    mailbox.too_large.add("b")
    found = mailbox.run(changed_messages(poll_call(start, configuration={FORMAT_KEY: form})))
    assert found_ids(found) == ["a", "b", "c"]
    assert found.unfetched == ()
    assert [change.record.get("tooLarge") for change in found.changes] == [None, True, None]
    assert found.changes[1].record["historyId"] == mailbox.messages["b"]["historyId"]


@pytest.mark.parametrize("history_id", ["1\0", "\ud800", "9" * 5000, {"a": 1}, [[1]], -1, None])
@pytest.mark.parametrize("label", ["INBOX", "half \ud800 of a pair", "nul \0"])
def test_a_message_with_an_odd_history_id_or_label_has_a_storable_fingerprint(
    history_id: object, label: str
) -> None:
    mailbox = Mailbox()
    start = three_new(mailbox)
    odd = {"id": "b", "threadId": "t", "labelIds": [label], "historyId": history_id}
    mailbox.faults["b"] = answer(odd)
    found = mailbox.run(changed_messages(poll_call(start)))
    assert found_ids(found) == ["a", "b", "c"]
    fingerprint = found.changes[1].fingerprint
    assert fingerprint.isascii()
    assert fingerprint.isprintable()
    assert len(fingerprint) <= 200


@pytest.mark.parametrize("fault", [refusal(401, "authError"), GrantLost("the grant is gone")])
def test_a_rejected_authorization_ends_the_poll(fault: Outcome) -> None:
    mailbox = Mailbox()
    start = three_new(mailbox)
    mailbox.faults["b"] = fault
    with pytest.raises(TransportError) as caught:
        mailbox.run(changed_messages(poll_call(start)))
    if isinstance(fault, Response):
        assert isinstance(caught.value, ProviderError)
        assert caught.value.status == 401
    else:
        assert caught.value is fault


def test_250_mails_are_fetched_in_two_polls_oldest_first() -> None:
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    ids = [f"m{number}" for number in range(250)]
    for message_id in ids:
        mailbox.deliver(message_id)
    first = mailbox.run(changed_messages(poll_call(start)))
    assert mailbox.lists == [50, 50, 50, 50]
    assert found_ids(first) == ids[:200]
    assert first.unfetched == tuple(Unfetched(id_, ChangeType.CREATED) for id_ in ids[200:])
    second = mailbox.run(changed_messages(poll_call(first.cursor, unfetched=first.unfetched)))
    assert found_ids(second) == ids[200:]
    assert second.unfetched == ()


@pytest.mark.parametrize(
    "fault",
    [
        refusal(429, "rateLimitExceeded", retry_after="60"),
        refusal(403, "userRateLimitExceeded", retry_after="60"),
    ],
)
def test_a_used_up_quota_is_not_used_further(fault: Response) -> None:
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    ids = [f"m{number}" for number in range(120)]
    for message_id in ids:
        mailbox.deliver(message_id)
    mailbox.faults["m49"] = fault
    found = mailbox.run(changed_messages(poll_call(start)))
    assert mailbox.lists == [50]
    assert found_ids(found) == ids[:49]
    assert [aside.object_id for aside in found.unfetched] == ids[49:]
    assert {aside.retry_after for aside in found.unfetched} == {60.0}
    assert all(aside.error for aside in found.unfetched), "they do not come back at once"


def test_when_nothing_is_answered_no_more_is_asked() -> None:
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    for number in range(120):
        mailbox.deliver(f"m{number}")
        mailbox.faults[f"m{number}"] = ProviderUnreachable("no answer within 30 s")
    found = mailbox.run(changed_messages(poll_call(start)))
    assert mailbox.lists == [50]
    assert len(found.unfetched) == 120
    assert all(aside.error for aside in found.unfetched)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({}, "metadata"),
        *(
            ({"gmail.message.format": name}, name)
            for name in ("minimal", "metadata", "full", "raw")
        ),
        ({"gmail.message.format": ""}, "metadata"),
        ({"gmail.message.format": "everything"}, "metadata"),
    ],
)
def test_messages_are_fetched_in_the_format_of_the_instance(
    configuration: dict[str, str], expected: str
) -> None:
    mailbox = Mailbox()
    start = three_new(mailbox)
    mailbox.run(changed_messages(poll_call(start, configuration=configuration)))
    (request,) = mailbox.asked("messages/a")
    assert request.query == {"format": expected}


# --- what was put aside before ---


def test_the_put_aside_come_first_and_even_when_nothing_is_new() -> None:
    mailbox = Mailbox()
    mailbox.deliver("a")
    start = str(mailbox.history_id)
    idle = mailbox.run(changed_messages(poll_call(start, unfetched=(waiting("a"),))))
    assert found_ids(idle) == ["a"]
    mailbox.deliver("b")
    busy = mailbox.run(changed_messages(poll_call(start, unfetched=(waiting("a"),))))
    assert found_ids(busy) == ["a", "b"]


@pytest.mark.parametrize(
    ("aside", "then", "expected"),
    [
        (ChangeType.CREATED, "label", ChangeType.CREATED),
        (ChangeType.UPDATED, "label", ChangeType.UPDATED),
        (ChangeType.CREATED, "delete", ChangeType.DELETED),
        (ChangeType.UPDATED, "delete", ChangeType.DELETED),
        (ChangeType.DELETED, "label", ChangeType.UPDATED),
        (ChangeType.DELETED, "nothing", ChangeType.UPDATED),
        (ChangeType.CREATED, "nothing", ChangeType.CREATED),
    ],
)
def test_the_put_aside_are_merged_with_what_happened_since(
    aside: ChangeType, then: str, expected: ChangeType
) -> None:
    mailbox = Mailbox()
    mailbox.deliver("a")
    start = str(mailbox.history_id)
    if then == "label":
        mailbox.label("a", "STARRED")
    elif then == "delete":
        mailbox.delete("a")
    found = mailbox.run(changed_messages(poll_call(start, unfetched=(waiting("a", aside),))))
    assert [(change.object_id, change.change_type) for change in found.changes] == [("a", expected)]
    assert len(mailbox.asked("messages/a")) == (0 if then == "delete" else 1)


def test_one_that_seemed_gone_and_is_gone_is_deleted() -> None:
    mailbox = Mailbox()
    aside = (waiting("a", ChangeType.DELETED),)
    found = mailbox.run(changed_messages(poll_call(str(mailbox.history_id), unfetched=aside)))
    assert [(change.object_id, change.change_type) for change in found.changes] == [
        ("a", ChangeType.DELETED)
    ]
    assert found.changes[0].record == {
        "id": "a",
        "threadId": None,
        "labelIds": [],
        "changeType": "DELETED",
    }


def test_the_first_poll_hands_the_put_aside_back() -> None:
    aside = (waiting("a"),)
    found: Any = Mailbox().run(changed_messages(poll_call(None, unfetched=aside)))
    assert found.unfetched == aside


def test_a_failing_one_keeps_its_kind() -> None:
    mailbox = Mailbox()
    mailbox.deliver("a")
    start = str(mailbox.history_id)
    mailbox.label("a", "STARRED")
    mailbox.faults["a"] = refusal(500)
    found = mailbox.run(changed_messages(poll_call(start, unfetched=(waiting("a"),))))
    assert [aside.change_type for aside in found.unfetched] == [ChangeType.CREATED]


@pytest.mark.parametrize("message_format", ["full", "raw"])
def test_large_messages_are_fetched_few_at_a_time_and_the_rest_waits(
    message_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "LARGEST_FETCH", 15_000)
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    ids = [f"m{number}" for number in range(36)]
    for message_id in ids:
        mailbox.deliver(message_id)
        mailbox.messages[message_id]["raw"] = "x" * 1000
    configuration = {"gmail.message.format": message_format}

    found = mailbox.run(changed_messages(poll_call(start, configuration=configuration)))

    assert mailbox.lists == [6, 6, 6]
    assert found_ids(found) == ids[:18]
    assert [one.object_id for one in found.unfetched] == ids[18:]
    assert {one.error for one in found.unfetched} == {""}, "they only wait their turn"
    again = poll_call(found.cursor, configuration=configuration, unfetched=found.unfetched)
    assert found_ids(mailbox.run(changed_messages(again))) == ids[18:]
