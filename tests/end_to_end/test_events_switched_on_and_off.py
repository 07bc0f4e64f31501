"""Switching events, callback and instance on, off and away, while the line is at work."""

from __future__ import annotations

import threading

import pytest
from django.apps import apps
from django.db import connection

from events.models import Delivery
from polling.models import PollingResource
from tests.all_due import clean_all_due
from tests.end_to_end.line import API, Line
from tests.end_to_end.moment import after_answer
from tests.events.receiver import Notification, Reply
from tests.patience import PATIENCE

OFF = {"event.notification.enabled": False}


def test_events_switched_on_later_tell_what_changes_from_then_on(line: Line) -> None:
    line.connect(OFF)
    line.control.deliver(subject="Before events were on")
    refused = line.api.post(f"{API}{line.path}/polls")
    assert refused.status_code == 409
    assert "event.notification.enabled" in refused.json()["message"]

    shown = line.change(configuration={"event.notification.enabled": "true"})

    assert shown["eventsEnabled"] is True
    mail = line.control.deliver()["id"]
    line.poll_and_deliver()
    assert line.told() == [(mail, "CREATED")]


def test_events_switched_off_and_on_again_start_anew(connected: Line) -> None:
    known = connected.control.deliver()["id"]
    connected.poll_and_deliver()
    connected.change(configuration=OFF)
    connected.control.deliver(subject="While events were off")
    connected.change(configuration={"event.notification.enabled": True})
    connected.control.label(known, add=["STARRED"])
    mail = connected.control.deliver()["id"]

    connected.poll_and_deliver()

    assert connected.told() == [(known, "CREATED"), (known, "UPDATED"), (mail, "CREATED")]


def test_without_a_callback_events_are_read_and_with_one_the_next_are_sent(line: Line) -> None:
    line.connect({"event.notification.callback.url": ""})
    assert "event.notification.callback.url" in line.shown()["problem"]
    first = line.control.deliver()["id"]
    line.poll_and_deliver()
    assert line.receiver.received == []
    [event] = line.events()
    assert event["status"] == "NEW"
    assert first in event["providerData"]

    line.change(configuration={"event.notification.callback.url": line.receiver.url})

    assert "problem" not in line.shown()
    second = line.control.deliver()["id"]
    line.poll_and_deliver()
    assert line.told() == [(second, "CREATED")]
    assert [event["status"] for event in line.events()] == ["NEW", "NOTIFIED"]


def test_a_disabled_instance_goes_on_where_it_was(connected: Line) -> None:
    connected.poll()
    path = f"{API}{connected.path}"
    assert connected.api.delete(f"{path}/enabled").status_code == 200
    mails = [mail["id"] for mail in connected.control.deliver_many(2)]
    assert connected.api.post(f"{path}/polls").status_code == 409
    assert connected.api.put(f"{path}/enabled").status_code == 200

    connected.poll_and_deliver()

    assert connected.told() == [(id_, "CREATED") for id_ in mails]


def test_another_callback_gets_what_waits_for_its_retry(connected: Line) -> None:
    mail = connected.control.deliver()["id"]
    connected.receiver.always(500)
    connected.poll_and_deliver()
    [failed] = connected.receiver.received
    connected.receiver.received.clear()
    connected.receiver.always(200)

    moved = f"{connected.receiver.url}/moved"
    connected.change(configuration={"event.notification.callback.url": moved})
    connected.retry()

    assert connected.told() == [(mail, "CREATED")]
    [arrived] = connected.receiver.received
    assert arrived.path == "/callback/moved"
    assert (arrived.webhook_id, arrived.body) == (failed.webhook_id, failed.body)


@pytest.mark.parametrize("path", ["/history", "/messages/"])
def test_deleted_amid_a_poll_leaves_nothing_behind(
    connected: Line, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    connected.control.deliver_many(12)
    deleted = after_answer(path, monkeypatch, lambda: delete(connected))

    answer = connected.api.post(f"{API}{connected.path}/polls")

    assert deleted == [200]
    [report] = answer.json()["polls"]
    assert report["status"] == "dropped"
    connected.deliver()
    assert_nothing_left(connected)
    assert connected.receiver.received == []


@pytest.mark.parametrize("status", [200, 500])
def test_deleted_amid_a_delivery_leaves_nothing_behind(connected: Line, status: int) -> None:
    connected.control.deliver_many(25)
    connected.poll()
    assert Delivery.objects.count() == 3
    deleted: list[int] = []
    gone = threading.Event()

    def answer(_: Notification) -> Reply:
        if not deleted:
            deleted.append(0)
            deleted[0] = delete(connected)
            gone.set()
        gone.wait(PATIENCE)  # what is answered before is stored, and its server is remembered
        return Reply(status)

    connected.receiver.answer = answer
    connected.deliver()

    assert deleted == [200]
    assert_nothing_left(connected)
    seen = len(connected.receiver.received)
    connected.deliver()
    assert len(connected.receiver.received) == seen


def test_a_change_of_configuration_amid_a_poll_loses_and_doubles_nothing(
    connected: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = [mail["id"] for mail in connected.control.deliver_many(3)]

    def change() -> bool:
        return bool(patch(connected, {"event.poller.refresh_interval": "5"}))

    after_answer("/messages/", monkeypatch, change)
    connected.poll()
    connected.poll_and_deliver()

    assert PollingResource.objects.get().interval == 300
    assert connected.told() == [(id_, "CREATED") for id_ in mails]


def delete(line: Line) -> int:
    try:
        return int(line.api.delete(f"{API}{line.path}").status_code)
    finally:
        connection.close()  # of a thread that ends


def patch(line: Line, configuration: dict[str, str]) -> int:
    try:
        return int(line.change(configuration=configuration)["id"])
    finally:
        connection.close()


def assert_nothing_left(line: Line) -> None:
    """Every row of these apps hangs on the one instance that there was, but for what its provider
    is still to be told."""
    clean_all_due()
    left = {
        model.__name__: model._default_manager.count()
        for app in ("instances", "polling", "events")
        for model in apps.get_app_config(app).get_models()
    }
    assert {name: count for name, count in left.items() if count} == {}
    assert line.api.get(f"{API}{line.path}").status_code == 404
