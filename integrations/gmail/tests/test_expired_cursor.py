"""An expired history id begins a reconciliation of the whole mailbox: nothing lost, nothing twice,
nothing false."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from elements.calls import Changes, ChangeType, Gap, Reconciliation, ReconciliationReason
from integrations.gmail import reconciliation
from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.reconciliation import LISTS_A_POLL
from integrations.gmail.tests.stand_in import (
    NOW,
    Mailbox,
    Watched,
    answer,
    poll_call,
    refusal,
    waiting,
)
from transport.errors import MalformedAnswer, ProviderError
from transport.types import Checkpoint, Request, Response

HOUR = timedelta(hours=1)
SOON = NOW + timedelta(seconds=1)


@pytest.fixture
def watched() -> Watched:
    """A mailbox with an old message and three that events have told of."""
    mailbox = Mailbox()
    mailbox.deliver("old", dated=NOW - timedelta(days=400))
    watched = Watched(mailbox, str(mailbox.history_id), watched_since=NOW)
    for number in (1, 2, 3):
        mailbox.deliver(f"seen{number}")
    watched.poll_on()
    watched.news()
    mailbox.requests.clear()
    return watched


def last(polls: list[Changes]) -> Changes:
    assert polls[-1].reconciliation is not None
    assert polls[-1].reconciliation.finished
    return polls[-1]


def test_new_changed_and_deleted_messages_are_told_apart(watched: Watched) -> None:
    mailbox = watched.mailbox
    mailbox.deliver("new1", dated=SOON)
    mailbox.deliver("new2", dated=SOON + HOUR)
    mailbox.label("seen2", "STARRED")
    mailbox.delete("seen3")
    mailbox.expire()
    end = last(watched.poll_on())
    assert watched.news() == [
        ("new1", "CREATED"),
        ("new2", "CREATED"),
        ("seen2", "UPDATED"),
        ("seen3", "DELETED"),
    ]
    assert not mailbox.asked("messages/seen1"), "its labels are as they are known"
    assert watched.cursor == str(mailbox.history_id)
    assert end.gap is not None
    assert end.reconciliation is not None
    counts = dict(end.reconciliation.counts)
    assert counts["listed"] == 5
    assert (counts["created"], counts["updated"], counts["deleted"]) == (2, 1, 1)
    assert watched.reconciliation is None
    assert watched.listed == {}
    assert [one.changes for one in watched.poll_on()] == [()]


def test_what_happened_to_mail_older_than_the_window_is_told(watched: Watched) -> None:
    for one in watched.mailbox.messages.values():
        one["internalDate"] = "1000000000000"
    watched.caught_up_at = NOW + timedelta(days=300)
    watched.mailbox.label("seen1", "STARRED")
    watched.mailbox.delete("seen2")
    watched.mailbox.expire()
    watched.poll_on()
    assert watched.news() == [("seen1", "UPDATED"), ("seen2", "DELETED")]


def test_nothing_is_asked_that_the_metadata_scope_may_not_ask(watched: Watched) -> None:
    watched.mailbox.deliver("new", dated=SOON)
    watched.mailbox.expire()
    watched.poll_on()
    assert all("q" not in request.query for request in watched.mailbox.requests)
    assert watched.news() == [("new", "CREATED")]


@pytest.mark.parametrize("caught_up_at", [NOW + timedelta(days=9), NOW])
def test_the_window_reaches_back_an_hour_but_not_before_the_watch_began(
    watched: Watched, caught_up_at: datetime
) -> None:
    watched.caught_up_at = caught_up_at
    watched.mailbox.deliver("before", dated=NOW - timedelta(minutes=1))
    watched.mailbox.expire()
    end = last(watched.poll_on())
    assert isinstance(end.gap, Gap)
    assert NOW <= end.gap.since <= end.gap.until
    assert watched.news() == []


def test_a_large_mailbox_is_read_a_bounded_part_a_poll(watched: Watched) -> None:
    mailbox = watched.mailbox
    mailbox.page_size = 2
    for number in range(120):
        mailbox.deliver(f"m{number:03}", dated=SOON + timedelta(seconds=number))
    mailbox.expire()
    told: set[str] = set()
    while True:
        mailbox.requests.clear()
        found = watched.poll()
        assert found is not None
        assert len(mailbox.asked("messages")) <= LISTS_A_POLL
        told.update(one.object_id for one in found.changes)
        if not found.more:
            break
    assert told == {f"m{number:03}" for number in range(120)}


def test_old_mail_that_nobody_was_told_of_is_not_read(watched: Watched) -> None:
    for number in range(1_000):
        watched.mailbox.deliver(f"old{number}", dated=NOW - timedelta(days=number + 1))
    watched.mailbox.expire()
    watched.poll_on()
    assert sum("/messages/" in one.url for one in watched.mailbox.requests) <= 50
    assert watched.news() == []


def test_changes_during_the_reconciliation_are_told_at_once(watched: Watched) -> None:
    mailbox = watched.mailbox
    mailbox.page_size = 1
    mailbox.deliver("new", dated=SOON)
    mailbox.expire()
    watched.poll(most=4)
    assert watched.reconciliation is not None
    mailbox.deliver("meanwhile", dated=SOON + HOUR)
    mailbox.label("new", "STARRED")
    mailbox.delete("seen1")
    watched.poll()
    assert watched.news() == [
        ("meanwhile", "CREATED"),
        ("new", "CREATED"),
        ("seen1", "DELETED"),
    ], "a message that came in the gap is new, whatever happened to it since"
    watched.poll_on()
    assert watched.news() == []


def test_a_history_that_expires_again_begins_again_with_the_earlier_window(
    watched: Watched,
) -> None:
    watched.mailbox.expire()
    watched.poll(most=4)
    first = watched.reconciliation
    assert first is not None
    watched.caught_up_at = NOW + timedelta(days=30)
    watched.mailbox.deliver("new", dated=SOON)
    watched.mailbox.expire()
    end = last(watched.poll_on())
    assert end.gap is not None
    assert end.gap.since == first.since
    assert end.reconciliation is not None
    assert end.reconciliation.cursor == first.cursor, "where the first gap begins"
    assert int(end.reconciliation.resumed_at) > int(first.resumed_at)
    assert watched.news() == [("new", "CREATED")]


def test_a_message_that_fails_is_put_aside(watched: Watched) -> None:
    mailbox = watched.mailbox
    mailbox.deliver("new1", dated=SOON)
    mailbox.deliver("new2", dated=SOON)
    mailbox.label("seen2", "STARRED")
    mailbox.faults["new1"] = mailbox.faults["seen2"] = refusal(500)
    mailbox.expire()
    watched.poll_on()
    assert watched.news() == [("new2", "CREATED")]
    assert {id_: one.change_type for id_, one in watched.aside.items()} == {
        "new1": ChangeType.UPDATED,  # its date is still to say that it is new
        "seen2": ChangeType.DELETED,  # not known to be there
    }
    mailbox.faults.clear()
    watched.poll_on()
    assert watched.news() == [("new1", "CREATED"), ("seen2", "UPDATED")]


def test_a_new_message_that_fails_before_old_ones_is_told_later(watched: Watched) -> None:
    mailbox = watched.mailbox
    for number in range(3):
        mailbox.deliver(f"older{number}", dated=NOW - timedelta(days=number + 1))
    mailbox.deliver("new", dated=SOON)
    mailbox.faults["new"] = mailbox.faults["older1"] = refusal(500)
    mailbox.expire()
    watched.poll_on()
    assert list(watched.aside) == ["new"], "what stands after an old one is old"
    mailbox.faults.clear()
    watched.poll_on()
    assert watched.news() == [("new", "CREATED")]


def test_what_was_put_aside_before_is_told(watched: Watched) -> None:
    watched.mailbox.deliver("waits", dated=SOON)
    watched.mailbox.expire()
    watched.aside = {"waits": waiting("waits"), "gone": waiting("gone")}
    polls = watched.poll_on()
    assert watched.news() == [("waits", "CREATED")]
    assert polls[0].missing == ("gone",)


@pytest.mark.parametrize("heals", ["at once", "to be compared", "afterwards"])
def test_what_waits_to_be_read_and_was_deleted_in_the_gap_is_told_deleted(
    watched: Watched, heals: str
) -> None:
    """Nobody's history says that it is gone: that it isn't listed does."""
    mailbox = watched.mailbox
    mailbox.label("seen1", "STARRED")
    mailbox.faults["seen1"] = refusal(500)
    watched.poll_on()
    assert watched.aside["seen1"].change_type is ChangeType.UPDATED
    mailbox.delete("seen1")
    mailbox.expire()
    if heals == "to be compared":
        while watched.reconciliation is None or watched.reconciliation.place["phase"] != "compare":
            watched.poll()
    if heals != "afterwards":
        mailbox.faults.clear()
    watched.poll_on()
    mailbox.faults.clear()
    watched.poll_on()
    assert watched.news() == [("seen1", "DELETED")]


def test_a_requested_one_needs_no_gap(watched: Watched) -> None:
    """An event was lost by somebody's mistake: what is known says so."""
    del watched.known["seen1"]
    watched.known["seen2"] = ("history:1:labels:0", NOW)
    watched.reconciliation = Reconciliation(
        ReconciliationReason.REQUESTED, NOW, NOW - HOUR, watched.cursor, watched.cursor
    )
    end = last(watched.poll_on())
    assert end.gap is None
    assert watched.news() == [("seen1", "CREATED"), ("seen2", "UPDATED")]


def test_a_page_token_that_is_refused_begins_the_list_again(watched: Watched) -> None:
    mailbox = watched.mailbox
    mailbox.page_size = 2
    mailbox.deliver("new", dated=SOON)
    mailbox.label("seen2", "STARRED")
    mailbox.expire()
    watched.poll(most=8)
    assert watched.reconciliation is not None
    mailbox.refused_tokens.add(watched.reconciliation.place["token"])
    assert watched.poll() is not None
    mailbox.refused_tokens.clear()
    watched.poll_on()
    assert watched.news() == [("new", "CREATED"), ("seen2", "UPDATED")]


def test_tokens_that_are_refused_again_and_again_keep_nothing_from_its_end(
    watched: Watched,
) -> None:
    """Each lives as long as a poll."""
    mailbox = watched.mailbox
    for number in range(60):
        mailbox.deliver(f"old{number}", dated=NOW - timedelta(days=number + 1))
    mailbox.page_size = 1
    mailbox.expire()
    for _ in range(reconciliation.MAX_RESTARTS + 2):
        watched.poll(most=8)
        assert watched.reconciliation is not None
        mailbox.refused_tokens.add(watched.reconciliation.place["token"])
        assert watched.poll(most=9) is not None
        mailbox.refused_tokens.clear()
    last(watched.poll_on())


def test_page_tokens_that_are_never_accepted_fail_the_poll(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = watched.mailbox
    mailbox.page_size = 2
    mailbox.expire()
    listed = mailbox._list
    monkeypatch.setattr(
        mailbox,
        "_list",
        lambda request: refusal(400) if "pageToken" in request.query else listed(request),
    )
    with pytest.raises(ProviderError):
        watched.poll()
    assert len(mailbox.asked("messages")) == 2 * (reconciliation.MAX_RESTARTS + 1)


def test_a_few_old_messages_between_do_not_end_the_window(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing says that a list is in the order of these very dates."""
    mailbox = watched.mailbox
    for number in range(45):
        mailbox.deliver(f"odd{number}", dated=NOW - timedelta(days=9))
    mailbox.deliver("new", dated=SOON)
    in_order = list(mailbox.messages)  # as they came
    listed = mailbox._list

    def list_ten(request: Request) -> Response:
        if "labelIds" in request.query:
            return listed(request)
        start = int(str(request.query.get("pageToken", 0)))
        body = {"messages": [{"id": id_} for id_ in in_order[start : start + 10]]}
        return answer(body | ({"nextPageToken": str(start + 10)} if start < 40 else {}))

    monkeypatch.setattr(mailbox, "_list", list_ten)
    mailbox.expire()
    watched.poll_on()
    assert watched.news() == [("new", "CREATED")]


def test_what_was_just_told_is_not_asked_for_again(watched: Watched) -> None:
    watched.mailbox.deliver("new1", dated=SOON)
    watched.mailbox.deliver("new2", dated=SOON)
    watched.mailbox.expire()
    watched.poll_on()
    for id_ in ("new1", "new2"):
        assert len(watched.mailbox.asked(f"messages/{id_}")) == 1


def test_many_that_fail_keep_no_others_back(watched: Watched) -> None:
    """They wait apart, and are not among the first to be asked for in each poll."""
    mailbox = watched.mailbox
    for number in range(400):
        mailbox.deliver(f"m{number:03}", dated=SOON + timedelta(seconds=number))
        if number % 40:
            mailbox.faults[f"m{number:03}"] = refusal(500)
    mailbox.expire()
    watched.pausing = True
    watched.poll_on()
    told = sorted(id_ for id_, _ in watched.news())
    assert told == [f"m{number:03}" for number in range(0, 400, 40)]
    assert all(len(mailbox.asked(f"messages/m{number:03}")) == 1 for number in range(400))


def test_a_label_that_is_removed_meanwhile_is_counted(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = watched.mailbox
    mailbox.labels.add("Label_9")
    mailbox.label("seen1", "STARRED")
    mailbox.expire()
    listed = mailbox._list
    monkeypatch.setattr(
        mailbox,
        "_list",
        lambda request: (
            refusal(400, "invalidArgument")
            if request.query.get("labelIds") == "Label_9"
            else listed(request)
        ),
    )
    end = last(watched.poll_on())
    assert watched.news() == [("seen1", "UPDATED")]
    assert end.reconciliation is not None
    assert end.reconciliation.counts["refusedLabels"] == 1


def test_a_list_that_hides_messages_deletes_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = watched.mailbox
    mailbox.expire()
    monkeypatch.setattr(mailbox, "_list", lambda request: answer({"resultSizeEstimate": 0}))
    watched.poll_on()
    assert watched.news() == []
    assert all(mailbox.asked(f"messages/seen{number}") for number in (1, 2, 3))


def test_the_profile_is_read_before_the_lists(watched: Watched) -> None:
    watched.mailbox.expire()
    watched.poll_on()
    places = [one.url.rsplit("/", 1)[-1] for one in watched.mailbox.requests]
    assert places[:3] == ["history", "profile", "messages"]


@pytest.mark.parametrize("status", [404, 401, 403, 429, 500])
def test_without_a_profile_nothing_begins(status: int) -> None:
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
    kept = steps.send(answer({"historyId": "9"}))
    assert isinstance(kept, Checkpoint)
    assert (kept.result.cursor, kept.result.reconciliation.cursor) == ("9", "7")
    next(steps)
    with pytest.raises(MalformedAnswer):
        steps.send(answer(body))


def test_a_history_id_that_expires_while_paging_is_recovered_too() -> None:
    steps = changed_messages(poll_call("7"))
    next(steps)
    steps.send(answer({"historyId": "9", "nextPageToken": "x"}))
    request = steps.send(refusal(404, "notFound"))
    assert isinstance(request, Request)
    assert request.url.endswith("/profile")


def test_more_than_one_poll_compares_what_is_known(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "COMPARED_A_POLL", 2)
    for number in (1, 2, 3):
        watched.mailbox.label(f"seen{number}", "STARRED")
    watched.mailbox.expire()
    last(watched.poll_on())
    assert [id_ for id_, _ in watched.news()] == ["seen1", "seen2", "seen3"]
