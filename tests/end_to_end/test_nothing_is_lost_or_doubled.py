"""What others lose or double, and this line must not: each scenario through the whole of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from events.models import Event
from polling.models import PollingResource, PollRun, PutAsideObject
from tests.end_to_end.line import MAILBOX, Line
from tests.end_to_end.moment import after_answer

MINUTES = 60  # seconds


def resource() -> PollingResource:
    return PollingResource.objects.get()


def test_250_mails_between_two_polls_arrive_oldest_first(connected: Line) -> None:
    mails = [mail["id"] for mail in connected.control.deliver_many(250)]

    report = connected.poll_and_deliver()

    assert (report["created"], report["putAside"]) == (250, 0)
    assert connected.told() == [(id_, "CREATED") for id_ in mails]
    assert len(connected.receiver.received) == 25
    assert connected.poll_and_deliver()["status"] == "idle"


def test_an_expired_history_id_is_recovered_without_a_gap(connected: Line) -> None:
    control = connected.control
    labelled, deleted, same = (mail["id"] for mail in control.deliver_many(3))
    connected.poll_and_deliver()
    connected.receiver.received.clear()
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        mails = [mail["id"] for mail in control.deliver_many(120)]
        spam = control.deliver(labels=["SPAM"])["id"]
        control.trash(mails[7])
        control.label(labelled, add=["STARRED"])
        control.delete(deleted)
        control.expire_history()
        control.delete(control.deliver(subject="Came and went")["id"])

        report = connected.poll_and_deliver()

        assert report["status"] == "recovered"
        # Since the last good poll, less a margin of an hour, which the watch's beginning cuts.
        assert 20 * MINUTES <= report["recoveredGapSeconds"] <= 22 * MINUTES
        run = PollRun.objects.latest("pk")
        assert (run.outcome, run.gap_seconds) == ("recovered", report["recoveredGapSeconds"])
        told = connected.told()
        assert sorted(told) == sorted(
            [(id_, "CREATED") for id_ in (*mails, spam)]
            + [(labelled, "UPDATED"), (deleted, "DELETED")]
        )
        assert same not in dict(told)
        assert connected.poll_and_deliver()["status"] == "idle"
        after = control.deliver()["id"]
        connected.poll_and_deliver()
    assert connected.told()[len(told) :] == [(after, "CREATED")]


def test_changes_during_a_recovery_are_told_once(
    connected: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are seen again from the new cursor, which was read before the listing."""
    before = connected.control.deliver()["id"]
    connected.control.expire_history()
    late = after_answer("/gmail/v1/users/me/profile", monkeypatch, connected.control.deliver)

    connected.poll_and_deliver()
    connected.poll_and_deliver()

    assert sorted(connected.told()) == sorted([(before, "CREATED"), (late[0]["id"], "CREATED")])


@pytest.mark.parametrize(
    "dated",
    [
        datetime(2099, 12, 31, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2004, 4, 1, tzinfo=UTC),
    ],
    ids=["in the future", "the epoch", "imported from long ago"],
)
def test_a_mail_with_an_odd_date_is_told_and_blocks_nothing(
    connected: Line, dated: datetime
) -> None:
    odd = connected.control.deliver(internal_date=int(dated.timestamp() * 1000))["id"]
    plain = connected.control.deliver()["id"]
    connected.poll_and_deliver()
    later = connected.control.deliver()["id"]
    connected.control.label(odd, add=["STARRED"])
    connected.poll_and_deliver()

    assert connected.told() == [
        (odd, "CREATED"),
        (plain, "CREATED"),
        (later, "CREATED"),
        (odd, "UPDATED"),
    ]


def test_a_mail_dated_in_the_future_outlives_an_expired_history_id(connected: Line) -> None:
    dated = int(datetime(2099, 12, 31, tzinfo=UTC).timestamp() * 1000)
    told_before = connected.control.deliver(internal_date=dated)["id"]
    connected.poll_and_deliver()
    new = connected.control.deliver(internal_date=dated)["id"]
    connected.control.expire_history()

    connected.poll_and_deliver()
    connected.poll_and_deliver()

    assert connected.told() == [(told_before, "CREATED"), (new, "CREATED")]


class Killed(BaseException):
    """What nothing catches, like the end of the process."""


@pytest.mark.parametrize("step", ["record_found", "PutAside.store", "runs.write", "log.info"])
def test_a_crash_after_the_fetch_leaves_each_change_in_one_event(
    connected: Line, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The last step is after the commit: the caller hears nothing, and all is stored."""
    mails = [mail["id"] for mail in connected.control.deliver_many(3)]

    def crash(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(f"polling.commit.{step}", crash)
        with pytest.raises(Killed):
            connected.poll()
    assert Event.objects.count() == (1 if step == "log.info" else 0)
    PollingResource.objects.update(lease_until=None)  # time passes

    connected.poll_and_deliver()
    connected.poll_and_deliver()

    assert connected.told() == [(id_, "CREATED") for id_ in mails]


def test_one_poisoned_message_is_put_aside_and_told_once_healed(connected: Line) -> None:
    before, poisoned, after = (mail["id"] for mail in connected.control.deliver_many(3))
    connected.control.poison(poisoned)

    report = connected.poll_and_deliver()

    assert (report["created"], report["putAside"]) == (2, 1)
    assert connected.told() == [(before, "CREATED"), (after, "CREATED")]
    waiting = PutAsideObject.objects.get()
    assert (waiting.object_id, waiting.attempts) == (poisoned, 1)
    assert "500" in waiting.error
    more = connected.control.deliver()["id"]
    assert connected.poll_and_deliver()["putAside"] == 1

    connected.control.poison(poisoned, poisoned=False)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        report = connected.poll_and_deliver()

    assert (report["created"], report["putAside"]) == (1, 0)
    assert connected.told() == [
        (id_, "CREATED") for id_ in (before, after, more, poisoned)
    ]  # fmt: skip
    assert not PutAsideObject.objects.exists()


@pytest.mark.parametrize("what", ["labelled", "deleted"])
def test_what_happens_to_a_poisoned_message_meanwhile_is_not_lost(
    connected: Line, what: str
) -> None:
    id_ = connected.control.deliver()["id"]
    connected.control.poison(id_)
    connected.poll_and_deliver()
    if what == "labelled":
        connected.control.label(id_, add=["STARRED"])
    else:
        connected.control.delete(id_)
    connected.poll_and_deliver()
    if what == "labelled":
        connected.control.poison(id_, poisoned=False)
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        connected.poll_and_deliver()
        connected.poll_and_deliver()

    assert connected.told() == [(id_, "CREATED" if what == "labelled" else "DELETED")]
    assert not PutAsideObject.objects.exists()


def test_a_message_deleted_before_it_is_fetched_is_counted(
    connected: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, stays = (mail["id"] for mail in connected.control.deliver_many(2))
    history = "/gmail/v1/users/me/history"
    after_answer(history, monkeypatch, partial(connected.control.delete, gone))

    report = connected.poll_and_deliver()

    assert (report["status"], report["created"], report["missing"]) == ("found", 1, 1)
    assert connected.told() == [(stays, "CREATED")]
    connected.poll_and_deliver()
    assert Counter(connected.told())[(gone, "CREATED")] == 0
    assert Counter(connected.told()).most_common(1)[0][1] == 1


def test_added_and_deleted_in_one_window_is_one_deletion(connected: Line) -> None:
    id_ = connected.control.deliver()["id"]
    connected.control.delete(id_)

    connected.poll_and_deliver()
    connected.poll_and_deliver()

    assert connected.told() == [(id_, "DELETED")]


def test_a_lost_grant_stops_polling_and_a_new_code_resumes_from_the_same_place(
    connected: Line,
) -> None:
    control = connected.control
    first = control.deliver()["id"]
    connected.poll_and_deliver()
    cursor = resource().cursor
    control.revoke(MAILBOX)
    meanwhile = [mail["id"] for mail in control.deliver_many(12)]

    report = connected.poll()

    assert report["status"] in {"failed", "dropped"}
    shown = connected.shown()
    assert shown["valid"] is False
    assert "Connect the account again" in shown["problem"]
    assert (resource().active, resource().cursor) == (False, cursor)
    refused = connected.api.post(f"/elements/api-v2{connected.path}/polls")
    assert refused.status_code == 409
    assert "connected again" in refused.json()["message"]
    connected.deliver()
    notice = connected.events()[-1]
    assert (notice["objectType"], notice["status"]) == ("instance", "NOTIFIED")

    id_, token = shown["id"], shown["token"]
    later = control.deliver()["id"]
    shown = connected.reconnect()

    assert (shown["id"], shown["token"], shown["valid"]) == (id_, token, True)
    connected.poll_and_deliver()
    assert connected.told() == [(one, "CREATED") for one in (first, *meanwhile, later)]


@pytest.mark.parametrize(("status", "count"), [(403, 1000), (429, 650)])
def test_many_mails_drain_over_an_enforced_quota(
    connected: Line, status: int, count: int, buckets_open: Callable[[], None]
) -> None:
    """300 fetches a minute are what Gmail allows one user."""
    mails = [mail["id"] for mail in connected.control.deliver_many(count)]
    connected.control.set_quota(enforced=True, status=status)

    with time_machine.travel(timezone.now(), tick=True) as clock:
        polls = 1
        while connected.poll()["putAside"]:
            polls += 1
            assert polls < 20, "the mails do not drain"
            clock.shift(timedelta(minutes=2))
            buckets_open()
        connected.deliver()

    assert polls >= 3
    assert_created_once(connected, mails)
    assert not PutAsideObject.objects.exists()
    assert connected.poll()["status"] == "idle"


def assert_created_once(line: Line, mails: list[str]) -> None:
    told = Counter(line.told())
    assert set(told) == {(id_, "CREATED") for id_ in mails}
    assert set(told.values()) == {1}


def test_a_label_put_on_and_taken_off_again_is_told(connected: Line) -> None:
    id_ = connected.control.deliver()["id"]
    connected.poll_and_deliver()
    connected.control.label(id_, add=["STARRED"])
    connected.control.label(id_, remove=["STARRED"])
    connected.poll_and_deliver()
    connected.control.label(id_, add=["STARRED"])
    connected.poll_and_deliver()
    connected.control.label(id_, remove=["STARRED"])
    connected.poll_and_deliver()

    assert connected.told() == [(id_, "CREATED")] + [(id_, "UPDATED")] * 3
    starred = ["STARRED" in record["labelIds"] for record, _ in connected.changes()]
    assert starred == [False, False, True, False]
    assert connected.poll_and_deliver()["status"] == "idle"
