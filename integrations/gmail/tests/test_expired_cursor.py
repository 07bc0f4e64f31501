"""An expired history id is recovered without a gap: nothing lost, nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from elements.calls import Change, ChangeType, Gap
from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.tests.stand_in import NOW, Mailbox, answer, poll_call, refusal, waiting
from transport.errors import MalformedAnswer, ProviderError
from transport.types import KnownObjects, Request

Known = dict[str, tuple[str, datetime | None]]
HOUR = timedelta(hours=1)


def remember(known: Known, changes: tuple[Change, ...]) -> None:
    for change in changes:
        known[change.object_id] = (change.fingerprint, change.occurred_at)


def watched_mailbox() -> tuple[Mailbox, str, Known]:
    """A mailbox with three messages that were told of already, and where polling stands."""
    mailbox = Mailbox()
    start = str(mailbox.history_id)
    for message_id in ("seen1", "seen2", "seen3"):
        mailbox.deliver(message_id)
    found = mailbox.run(changed_messages(poll_call(start)))
    known: Known = {}
    remember(known, found.changes)
    mailbox.requests.clear()
    return mailbox, found.cursor, known


def test_new_changed_and_deleted_messages_are_told_apart() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.deliver("new1", dated=NOW + timedelta(seconds=1))
    mailbox.deliver("new2", dated=NOW + timedelta(seconds=2))
    mailbox.label("seen2", "STARRED")
    mailbox.delete("seen3")
    mailbox.expire()
    found = mailbox.run(changed_messages(poll_call(cursor)), known)
    assert {(change.object_id, change.change_type) for change in found.changes} == {
        ("new1", ChangeType.CREATED),
        ("new2", ChangeType.CREATED),
        ("seen2", ChangeType.UPDATED),
        ("seen3", ChangeType.DELETED),
    }
    assert found.unchanged == ("seen1",)
    assert found.cursor == str(mailbox.history_id)
    created = [c.object_id for c in found.changes if c.change_type is ChangeType.CREATED]
    assert created == ["new1", "new2"], "oldest first"


def test_the_profile_is_read_before_the_list() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.expire()
    mailbox.run(changed_messages(poll_call(cursor)), known)
    places = [request.url.rsplit("/", 1)[-1] for request in mailbox.requests]
    assert places[:3] == ["history", "profile", "messages"]


def test_what_happens_while_recovering_is_found_by_the_next_poll() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.expire()
    steps = changed_messages(poll_call(cursor))
    request = next(steps)
    reply = None
    while isinstance(request, Request):
        reply = mailbox.reply(request)
        if request.url.endswith("/profile"):
            mailbox.deliver("meanwhile")
        request = steps.send(reply)
    assert isinstance(request, KnownObjects)
    steps.close()
    mailbox2_cursor = mailbox.run(changed_messages(poll_call(cursor)), known)
    remember(known, mailbox2_cursor.changes)
    # The cursor that the interrupted recovery read is older than the message that arrived.
    again = mailbox.run(changed_messages(poll_call(str(mailbox.history_id - 1))), known)
    (change,) = again.changes
    assert known["meanwhile"][0] == change.fingerprint, "so storing it twice is noticed"


@pytest.mark.parametrize("last_success_at", [NOW - timedelta(days=9), None])
def test_the_window_reaches_back_an_hour_before_the_last_good_poll(
    last_success_at: datetime | None,
) -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.expire()
    found = mailbox.run(changed_messages(poll_call(cursor, last_success_at=last_success_at)), known)
    since = (last_success_at or NOW) - HOUR
    (request,) = mailbox.asked("messages")
    assert request.query["q"] == f"after:{int(since.timestamp())}"
    assert request.query["maxResults"] == 500
    assert found.gap == Gap(since, NOW)


def test_mail_of_before_events_were_switched_on_is_no_news() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.deliver("old", dated=NOW - timedelta(minutes=30))
    mailbox.deliver("new", dated=NOW + timedelta(seconds=1))
    mailbox.expire()
    call = replace(poll_call(cursor), last_success_at=NOW, watched_since=NOW)
    found = mailbox.run(changed_messages(call), known)
    assert [c.object_id for c in found.changes if c.change_type is ChangeType.CREATED] == ["new"]
    assert found.gap is not None
    assert found.gap.since == NOW


def test_every_page_of_the_window_is_listed() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.page_size = 4
    for number in range(10):
        mailbox.deliver(f"new{number}", dated=NOW + timedelta(seconds=number))
    mailbox.expire()
    found = mailbox.run(changed_messages(poll_call(cursor)), known)
    assert [change.object_id for change in found.changes] == [f"new{n}" for n in range(10)]


def test_a_large_window_is_put_aside_beyond_what_one_poll_fetches() -> None:
    mailbox, cursor, known = watched_mailbox()
    for number in range(230):
        mailbox.deliver(f"new{number}", dated=NOW + timedelta(seconds=number))
    mailbox.delete("seen1")
    mailbox.expire()
    first = mailbox.run(changed_messages(poll_call(cursor)), known)
    remember(known, first.changes)
    assert len(first.unfetched) > 30
    assert not any(aside.error for aside in first.unfetched)
    second = mailbox.run(changed_messages(poll_call(first.cursor, unfetched=first.unfetched)))
    kinds: dict[str, ChangeType] = {}
    for change in (*first.changes, *second.changes):
        if change.object_id not in kinds:
            kinds[change.object_id] = change.change_type
    assert second.unfetched == ()
    assert kinds["seen1"] is ChangeType.DELETED
    created = {id_ for id_, kind in kinds.items() if kind is ChangeType.CREATED}
    assert created == {f"new{number}" for number in range(230)}


def test_known_deleted_messages_are_not_asked_for_again() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.delete("seen1")
    known["seen1"] = ("deleted", NOW)
    mailbox.expire()
    found = mailbox.run(changed_messages(poll_call(cursor)), known)
    assert found.changes == ()
    assert not mailbox.asked("messages/seen1")


def test_a_known_message_that_does_not_list_but_is_there_is_compared() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.messages["seen1"]["internalDate"] = "0"  # outside of the window now
    mailbox.messages["seen2"]["internalDate"] = "0"
    mailbox.label("seen2", "STARRED")
    mailbox.expire()
    found = mailbox.run(changed_messages(poll_call(cursor)), known)
    assert [(change.object_id, change.change_type) for change in found.changes] == [
        ("seen2", ChangeType.UPDATED)
    ]


def test_the_put_aside_are_part_of_it() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.deliver("waits")
    mailbox.deliver("older", dated=NOW - timedelta(days=30))
    mailbox.delete("seen3")
    mailbox.expire()
    aside = (
        waiting("waits"),
        waiting("older", ChangeType.CREATED),
        waiting("seen3", ChangeType.UPDATED),
        waiting("seen2", ChangeType.UPDATED),
        waiting("gone", ChangeType.CREATED),
    )
    found = mailbox.run(changed_messages(poll_call(cursor, unfetched=aside)), known)
    assert [(change.object_id, change.change_type) for change in found.changes] == [
        ("waits", ChangeType.CREATED),
        ("older", ChangeType.CREATED),
        ("seen3", ChangeType.DELETED),
    ]
    assert found.missing == ("gone",)
    assert set(found.unchanged) == {"seen1", "seen2"}


def test_a_message_that_fails_is_put_aside() -> None:
    mailbox, cursor, known = watched_mailbox()
    mailbox.deliver("new1")
    mailbox.faults["new1"] = refusal(500)
    mailbox.faults["seen2"] = refusal(500)
    mailbox.expire()
    found = mailbox.run(changed_messages(poll_call(cursor)), known)
    assert {(aside.object_id, aside.change_type) for aside in found.unfetched} == {
        ("new1", ChangeType.CREATED),
        ("seen2", ChangeType.UPDATED),
    }


@pytest.mark.parametrize("status", [404, 401, 403, 429, 500])
def test_a_recovery_that_fails_is_tried_again_whole(status: int) -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    steps.send(refusal(404, "notFound"))
    with pytest.raises(ProviderError) as caught:
        steps.send(refusal(status))
    assert caught.value.status == status


@pytest.mark.parametrize(
    "body", [{"messages": [{}]}, {"messages": ["x"]}, {"messages": [{"id": "a/b"}]}, []]
)
def test_a_list_that_cannot_be_read_ends_the_poll(body: object) -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    steps.send(refusal(404, "notFound"))
    steps.send(answer({"historyId": "9"}))
    with pytest.raises(MalformedAnswer):
        steps.send(answer(body))


def test_a_history_id_that_expires_while_paging_is_recovered_too() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    steps.send(answer({"historyId": "9", "nextPageToken": "x"}))
    request = steps.send(refusal(404, "notFound"))
    assert isinstance(request, Request)
    assert request.url.endswith("/profile")
