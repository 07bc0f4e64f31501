"""One change a message, of the right kind, oldest first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from elements.calls import ChangeType
from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.tests.stand_in import Mailbox, poll_call


def test_the_first_poll_only_says_where_the_history_stands() -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1")
    found = mailbox.run(changed_messages(poll_call(None)))
    assert found.changes == ()
    assert found.cursor == str(mailbox.history_id)
    assert [request.url for request in mailbox.requests] == ["/gmail/v1/users/me/profile"]


def test_an_idle_poll_is_one_request_and_moves_the_cursor() -> None:
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    mailbox.history_id += 40  # something happened that is of no concern
    found = mailbox.run(changed_messages(poll_call(start)))
    assert (found.changes, found.unfetched, found.missing) == ((), (), ())
    assert found.cursor == str(mailbox.history_id)
    assert len(mailbox.requests) == 1


def added(box: Mailbox) -> None:
    box.deliver("new")


def added_and_labelled(box: Mailbox) -> None:
    box.deliver("new")
    box.label("new", "STARRED")
    box.unlabel("new", "UNREAD")


def labelled(box: Mailbox) -> None:
    box.label("old", "STARRED")


def unlabelled(box: Mailbox) -> None:
    box.unlabel("old", "UNREAD")


def trashed(box: Mailbox) -> None:
    box.label("old", "TRASH")
    box.unlabel("old", "INBOX")


def deleted(box: Mailbox) -> None:
    box.delete("old")


def labelled_and_deleted(box: Mailbox) -> None:
    box.label("old", "TRASH")
    box.delete("old")


def added_and_deleted(box: Mailbox) -> None:
    box.deliver("new")
    box.delete("new")


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (added, ("new", "CREATED")),
        (added_and_labelled, ("new", "CREATED")),
        (labelled, ("old", "UPDATED")),
        (unlabelled, ("old", "UPDATED")),
        (trashed, ("old", "UPDATED")),
        (deleted, ("old", "DELETED")),
        (labelled_and_deleted, ("old", "DELETED")),
        (added_and_deleted, ("new", "DELETED")),
    ],
)
def test_what_happened_becomes_one_change(
    happens: Callable[[Mailbox], None], expected: tuple[str, str]
) -> None:
    mailbox = Mailbox()
    mailbox.deliver("old")
    start = str(mailbox.history_id)
    happens(mailbox)
    found = mailbox.run(changed_messages(poll_call(start)))
    assert [(change.object_id, change.change_type) for change in found.changes] == [expected]
    assert found.changes[0].record["changeType"] == expected[1]
    assert found.cursor == str(mailbox.history_id)


def test_changes_come_oldest_first() -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1")
    start = str(mailbox.history_id)
    mailbox.label("m1", "STARRED")
    mailbox.deliver("m2")
    mailbox.deliver("m3")
    mailbox.delete("m3")
    mailbox.deliver("m4")
    mailbox.label("m2", "STARRED")
    found = mailbox.run(changed_messages(poll_call(start)))
    assert [change.object_id for change in found.changes] == ["m1", "m2", "m3", "m4"]


def test_the_record_is_gmails_with_the_kind_of_change() -> None:
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    mailbox.deliver("m1", "INBOX")
    (change,) = mailbox.run(changed_messages(poll_call(start))).changes
    assert change.record == {**mailbox.messages["m1"], "changeType": "CREATED"}
    assert change.occurred_at is not None
    assert change.occurred_at.isoformat() == "2026-11-20T12:00:00+00:00"


def test_a_message_without_labels_still_says_so() -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1", "UNREAD")
    start = str(mailbox.history_id)
    mailbox.unlabel("m1", "UNREAD")
    (change,) = mailbox.run(changed_messages(poll_call(start))).changes
    assert change.record["labelIds"] == []


def test_a_deleted_message_is_told_by_what_the_history_holds() -> None:
    mailbox = Mailbox()
    mailbox.deliver("m1", "TRASH")
    start = str(mailbox.history_id)
    mailbox.delete("m1")
    (change,) = mailbox.run(changed_messages(poll_call(start))).changes
    assert change.record == {
        "id": "m1",
        "threadId": "tm1",
        "historyId": str(mailbox.history_id),
        "labelIds": ["TRASH"],
        "changeType": "DELETED",
    }
    assert change.fingerprint == "deleted"
    assert not mailbox.asked("messages/m1"), "a deleted message needs no fetch"


def test_every_state_has_a_fingerprint_of_its_own() -> None:
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    mailbox.deliver("m1", "INBOX")
    first = mailbox.run(changed_messages(poll_call(start))).changes[0].fingerprint
    again = mailbox.run(changed_messages(poll_call(start))).changes[0].fingerprint
    mailbox.label("m1", "STARRED")
    starred = mailbox.run(changed_messages(poll_call(start))).changes[0].fingerprint
    mailbox.unlabel("m1", "STARRED")
    back = mailbox.run(changed_messages(poll_call(start))).changes[0].fingerprint
    assert first == again
    assert len({first, starred, back}) == 3
    assert max(map(len, (first, starred, back))) <= 200


@pytest.mark.parametrize("internal_date", [None, "", "soon", "9" * 30, "-62135596800001"])
def test_a_date_that_no_calendar_holds_is_no_obstacle(internal_date: str | None) -> None:
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    mailbox.deliver("m1")
    mailbox.messages["m1"]["internalDate"] = internal_date
    (change,) = mailbox.run(changed_messages(poll_call(start))).changes
    assert change.occurred_at is None


def test_a_draft_whose_inner_id_moves_is_two_messages() -> None:
    mailbox = Mailbox()
    mailbox.deliver("d1", "DRAFT")
    start = str(mailbox.history_id)
    mailbox.delete("d1")
    mailbox.deliver("d2", "DRAFT")
    found = mailbox.run(changed_messages(poll_call(start)))
    assert [(change.object_id, change.change_type) for change in found.changes] == [
        ("d1", ChangeType.DELETED),
        ("d2", ChangeType.CREATED),
    ]
