"""Gmail tells of a change by itself, and the callback comes long before the interval is over.

Over real sockets: the sandbox pushes to this test's web server, which asks it for its keys.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from integrations.gmail.sandbox.server import SandboxServer
from polling import engine
from polling import store as polling_store
from polling.models import PollingResource
from tests.all_due import clean_all_due, keep_all_due, poll_all_due
from tests.end_to_end.line import MAILBOX, Line
from watching import public_keys
from watching.models import InstanceWatch

pytestmark = pytest.mark.django_db(transaction=True)
TOPIC = "projects/my-project/topics/gmail"
AUDIENCE = "https://periodic.example/push"
PUSHER = "pusher@my-project.iam.gserviceaccount.com"


@pytest.fixture
def pushed(
    line: Line,
    live_server: LiveServer,
    sandbox: SandboxServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Line:
    """A mailbox that is connected and watched; its polls are 15 minutes apart."""
    monkeypatch.setattr(public_keys, "_known", {})  # of another sandbox at the same port
    settings.PUBLIC_URL = live_server.url
    settings.GMAIL_PUBSUB_TOPIC = TOPIC
    settings.GMAIL_PUSH_AUDIENCE = AUDIENCE
    settings.GMAIL_PUSH_SERVICE_ACCOUNT = PUSHER
    settings.GOOGLE_JWKS_URL = f"{sandbox.url}/oauth2/v3/certs"
    url = f"{live_server.url}/elements/api-v2/events/gmail"
    sandbox.control.push_to(url, audience=AUDIENCE, service_account=PUSHER)
    line.connect()
    keep_all_due()
    return line


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def arrived(line: Line) -> bool:
    push = line.control.push()
    return bool(push["under_way"] == 0)


def shown(line: Line) -> Any:
    return line._call("GET", f"{line.path}/polls")["watch"]


def status(line: Line) -> Any:
    """As the instance itself says it, which is what is asked most often."""
    said = line._call("GET", line.path)["watchStatus"]
    assert said == shown(line)["status"]
    return said


def resource() -> PollingResource:
    return PollingResource.objects.get()


def time_passes(line: Line) -> None:
    """A second at the sandbox, which lets no more than one notice through in it."""
    line.control.advance_clock(1.0)


def test_from_a_delivered_mail_to_the_callback(pushed: Line) -> None:
    assert shown(pushed)["status"] == "on"
    assert resource().next_poll_at > timezone.now()

    mail = pushed.control.deliver(MAILBOX)
    until(lambda: arrived(pushed))
    poll_all_due()
    pushed.deliver()

    assert pushed.told() == [(mail["id"], "CREATED")]
    assert resource().next_poll_at > timezone.now() + timedelta(minutes=14)
    watch = shown(pushed)
    assert (watch["status"], watch["error"]) == ("on", None)
    assert watch["lastHeardDate"] is not None
    assert InstanceWatch.objects.get().unannounced == 0
    assert pushed.control.push()["refused"] == 0


def test_a_burst_of_notices_and_the_same_one_twice_tell_each_mail_once(pushed: Line) -> None:
    mails = []
    for _ in range(3):
        mails += pushed.control.deliver_many(4, MAILBOX)
        time_passes(pushed)
        until(lambda: arrived(pushed))
        poll_all_due()
    pushed.deliver()

    assert sorted(pushed.told()) == sorted((mail["id"], "CREATED") for mail in mails)
    assert pushed.control.push()["dropped"] > 0
    assert shown(pushed)["status"] == "on"


@pytest.mark.parametrize("finds", [False, True])
def test_what_is_told_while_a_poll_runs_is_polled_once_more(
    pushed: Line, monkeypatch: pytest.MonkeyPatch, finds: bool
) -> None:
    """The poll has asked before the mail came, and is stored after its notice."""
    mails: list[Any] = []
    if finds:
        pushed.control.set_push(silent=True)
        mails.append(pushed.control.deliver(MAILBOX))
        pushed.control.set_push(silent=False)
        time_passes(pushed)
    module, name = (polling_store, "store_many") if finds else (engine, "store_idle")
    store = getattr(module, name)

    async def slow_store(polls: Any) -> Any:
        if len(mails) == finds:
            mails.append(pushed.control.deliver(MAILBOX))
            until(lambda: arrived(pushed))
        return await store(polls)

    monkeypatch.setattr(module, name, slow_store)
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    pushed.deliver()

    assert len(mails) == 1 + finds
    assert pushed.told() == [(mail["id"], "CREATED") for mail in mails]


def test_without_push_polling_goes_on_and_says_that_push_is_silent(pushed: Line) -> None:
    pushed.control.set_push(silent=True)
    mails = []
    for number in range(3):
        assert status(pushed) == "on", number
        mails.append(pushed.control.deliver(MAILBOX))
        pushed.poll_and_deliver()

    assert status(pushed) == "silent"
    assert [one for one, _ in pushed.told()] == [mail["id"] for mail in mails]

    pushed.control.set_push(silent=False)
    time_passes(pushed)
    pushed.control.deliver(MAILBOX)
    until(lambda: arrived(pushed))
    assert status(pushed) == "on"


def test_a_late_notice_announces_what_a_poll_was_quicker_to_find(pushed: Line) -> None:
    for _ in range(4):
        pushed.control.set_push(silent=True)
        pushed.control.deliver(MAILBOX)
        pushed.poll()
        pushed.control.set_push(silent=False)
        time_passes(pushed)
        pushed.control.deliver(MAILBOX)
        until(lambda: arrived(pushed))
        poll_all_due()

    assert shown(pushed)["status"] == "on"


def test_all_instances_of_the_mailbox_are_told(pushed: Line) -> None:
    first = pushed.instance["id"]
    pushed.connect({"event.notification.callback.url": ""})
    keep_all_due()
    later = timezone.now() + timedelta(minutes=10)
    PollingResource.objects.update(next_poll_at=later)

    pushed.control.deliver(MAILBOX)
    until(lambda: arrived(pushed))

    due = PollingResource.objects.filter(next_poll_at__lte=timezone.now())
    assert {*due.values_list("instance", flat=True)} == {first, pushed.instance["id"]}


def test_it_is_watched_until_the_last_instance_of_the_mailbox_is_gone(pushed: Line) -> None:
    first = pushed.instance["id"]
    second = pushed.connect()["id"]
    keep_all_due()

    def watches() -> Any:
        return pushed.control.push()["watches"].get(MAILBOX)

    assert watches()["sandbox-client"]["topic"] == TOPIC
    for events in (False, True):
        pushed.change(configuration={"event.notification.enabled": events})
        keep_all_due()
    assert "stop" not in pushed.control.quota()["calls_by_method"]
    pushed._call("DELETE", f"/instances/{first}")
    clean_all_due()
    assert watches() is not None
    assert InstanceWatch.objects.get().instance_id == second

    pushed.change(configuration={"event.notification.enabled": False})
    keep_all_due()
    assert watches() is None

    pushed.change(configuration={"event.notification.enabled": True})
    keep_all_due()
    assert watches() is not None
    pushed._call("DELETE", f"/instances/{second}")
    clean_all_due()
    assert watches() is None


def test_an_instance_of_an_element_that_extends_gmail_keeps_the_mailbox_watched(
    pushed: Line,
) -> None:
    first = pushed.instance["id"]
    second = pushed.connect({"event.vendor.push.topic": TOPIC})["id"]
    pushed._call("POST", "/elements/gmail/clone", {"name": "Our Gmail", "key": "our-gmail"})
    pushed._call("PATCH", f"/instances/{second}", {"element": {"key": "our-gmail"}})
    keep_all_due()

    for events in (False, True):
        changed = {"configuration": {"event.notification.enabled": events}}
        pushed._call("PATCH", f"/instances/{first}", changed)
        keep_all_due()
    pushed._call("DELETE", f"/instances/{first}")
    clean_all_due()

    assert MAILBOX in pushed.control.push()["watches"]
    assert "stop" not in pushed.control.quota()["calls_by_method"]


def test_another_topic_takes_the_place_of_the_first(pushed: Line) -> None:
    own = "projects/my-project/topics/another"
    pushed.change(configuration={"event.vendor.push.topic": own})
    keep_all_due()

    assert pushed.control.push()["watches"][MAILBOX]["sandbox-client"]["topic"] == own
    assert shown(pushed)["status"] == "on"


def test_a_watch_that_google_refuses_is_shown_and_polling_goes_on(pushed: Line) -> None:
    fault = {"path": "/gmail/v1/users/me/watch"}, {"status": 403, "message": "no permission"}
    pushed.control.add_fault(*fault)
    pushed.connect()
    keep_all_due()

    watch = shown(pushed)
    assert watch["status"] == "failed"
    assert "no permission" in watch["error"]
    pushed.control.set_push(silent=True)
    pushed.control.deliver(MAILBOX)
    assert pushed.poll()["found"] == 1


def test_after_a_lost_grant_it_is_watched_again(pushed: Line) -> None:
    pushed.control.revoke(MAILBOX)
    pushed.control.expire_access_tokens(MAILBOX)
    pushed.poll()
    watch = shown(pushed)
    assert (watch["status"], watch["nextTryDate"]) == ("off", None)
    assert "authorization" in watch["error"]

    pushed.reconnect()
    keep_all_due()
    assert shown(pushed)["status"] == "on"
    mail = pushed.control.deliver(MAILBOX)
    until(lambda: arrived(pushed))
    poll_all_due()
    pushed.deliver()
    assert (mail["id"], "CREATED") in pushed.told()
