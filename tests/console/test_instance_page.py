"""The page of an instance: what it shows, what its parts ask for, and what its buttons do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.instance import charts, timeline
from console.place import Place
from events.models import Delivery, DeliveryAttempt, Event, RefusedWebhook, Subscription
from instances import configuration as keys
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from polling.models import PollingResource, PollRun, PutAsideObject
from polling.poll_now import poll_now
from tests.all_due import deliver_all_due
from tests.events.found import record
from tests.events.receiver import Receiver

Travel = Callable[..., str]
PART = {"HX-Request": "true"}


@pytest.fixture
def instance(browser: Client, travel: Travel, receiver: Receiver) -> ElementInstance:
    browser.get(travel(events="on", callback_url=f"{receiver.url}?token=abcdefgh"))
    instance = ElementInstance.objects.get()
    poll_now(instance)  # the first, which finds nothing
    return instance


def part(browser: Client, instance: ElementInstance, name: str, **query: str) -> Any:
    return browser.get(f"/instances/{instance.pk}/{name}", query, headers=PART)


def known(html: str) -> str:
    [digest] = re.findall(r'name="known" value="(\w+)"', html)
    return str(digest)


def shown(browser: Client, instance: ElementInstance) -> str:
    answer = browser.get(f"/instances/{instance.pk}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_token_is_shown_on_request_and_kept_by_nobody(
    browser: Client, instance: ElementInstance
) -> None:
    path = f"/instances/{instance.pk}/token"
    assert instance.token not in shown(browser, instance)
    assert browser.get(path).status_code == 405
    for headers in ({}, PART):
        answer = browser.post(path, headers=headers)
        assert instance.token in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
    assert "<h1>" not in answer.content.decode()  # only the part


def test_polling_now_says_what_was_found(
    browser: Client, instance: ElementInstance, sandbox: SandboxServer
) -> None:
    path = f"/instances/{instance.pk}/polls"
    assert "nothing new" in browser.post(path, headers=PART).content.decode()
    sandbox.control.deliver(subject="Hello")
    page = browser.post(path).content.decode()
    event = Event.objects.get()
    assert "1 created, 0 updated, 0 deleted" in page
    assert f'<a href="/events/{event.pk}">' in page
    sandbox.control.revoke()
    failed = browser.post(path, headers=PART).content.decode()
    assert "message error" in failed
    assert "no longer connected" in failed
    browser.post(f"/instances/{instance.pk}/events", {})
    assert "Nothing to poll: events are off" in browser.post(path, headers=PART).content.decode()


def test_a_part_that_is_still_the_same_is_not_sent_again(
    browser: Client, instance: ElementInstance
) -> None:
    page = shown(browser, instance)
    for name in ("now", "timeline", "charts"):
        first = part(browser, instance, name)
        assert first.status_code == 200
        digest = known(first.content.decode())
        assert digest in page
        assert part(browser, instance, name, known=digest).status_code == 204
    before = known(part(browser, instance, "timeline").content.decode())
    record(instance)
    after = part(browser, instance, "timeline", known=before)
    assert after.status_code == 200
    assert known(after.content.decode()) != before


def test_a_part_of_somebody_signed_out_loads_the_page_anew(
    browser: Client, instance: ElementInstance
) -> None:
    browser.logout()
    for name in ("now", "timeline", "charts"):
        answer = part(browser, instance, name)
        assert (answer.status_code, answer["HX-Refresh"], answer.content) == (401, "true", b"")


def test_parts_make_the_same_number_of_queries_whatever_happened(
    browser: Client, instance: ElementInstance
) -> None:
    def queries() -> dict[str, int]:
        found = {}
        for name in ("now", "timeline", "charts"):
            with CaptureQueriesContext(connection) as made:
                assert part(browser, instance, name).status_code == 200
            found[name] = len(made)
        with CaptureQueriesContext(connection) as made:
            shown(browser, instance)
        return {**found, "page": len(made)}

    resource = PollingResource.objects.get()
    happen(instance, resource)
    shown(browser, instance)  # takes away the message that it is connected
    few = queries()
    for _ in range(20):
        happen(instance, resource)
    assert queries() == few
    assert few["timeline"] <= 11
    assert few["now"] <= 14


def happen(instance: ElementInstance, resource: PollingResource) -> None:
    """A poll, its event, a delivery of it with an attempt, and something put aside."""
    now = timezone.now()
    PollRun.objects.create(resource=resource, started_at=now, finished_at=now, outcome="found")
    PutAsideObject.objects.create(
        resource=resource, object_id=f"p{PutAsideObject.objects.count()}", next_try_at=now
    )
    PollingResource.objects.update(put_aside_due_at=now)
    [event] = record(instance)
    delivery = Delivery.objects.get(event=event)
    DeliveryAttempt.objects.create(delivery=delivery, number=1, started_at=now, duration_ms=7)
    Delivery.objects.filter(pk=delivery.pk).update(status="retry", attempts_made=1)


def test_the_timeline_tells_of_polls_events_and_deliveries(
    browser: Client, instance: ElementInstance, sandbox: SandboxServer, receiver: Receiver
) -> None:
    receiver.always(500)
    sandbox.control.deliver(subject="Hello")
    poll_now(instance)
    deliver_all_due()
    page = part(browser, instance, "timeline").content.decode()
    event = Event.objects.get()
    assert f'href="/events/{event.pk}"' in page
    assert "1 created" in page
    assert "found 1" in page
    assert "retrying (1 failed)</span>" in page
    assert "500 in" in page
    assert "abcdefgh" not in page  # the address has a secret in it


def test_no_item_of_one_time_is_passed_over_or_shown_twice(
    browser: Client, instance: ElementInstance
) -> None:
    resource = PollingResource.objects.get()
    PollRun.objects.all().delete()
    start = timezone.now() - timedelta(days=1)
    for number in range(40):
        at = start + timedelta(seconds=number // 15)
        PollRun.objects.create(resource=resource, started_at=at, finished_at=at, outcome="found")
    for event in record(instance, 40 * 10):
        Event.objects.filter(pk=event).update(created_at=start + timedelta(seconds=event % 3))
    places, below = [], None
    for _ in range(10):
        found = timeline.of(instance, below)
        places += [item.place for item in found.items]
        if found.older is None:
            break
        below = Place.read(str(found.older))
    assert places == sorted(set(places), reverse=True)
    assert len(places) == 80
    page = browser.get(f"/instances/{instance.pk}/timeline", {"below": str(places[29])})
    assert str(places[59]) in page.content.decode()


@pytest.mark.parametrize("place", ["", "x", "1-2", "1-7-1", f"{'9' * 18}-0-1", "-1-0-1", "1-0-1-5"])
def test_a_place_that_is_none(browser: Client, instance: ElementInstance, place: str) -> None:
    answer = browser.get(f"/instances/{instance.pk}/timeline", {"below": place})
    assert answer.status_code == 200


def test_charts_count_polls_events_deliveries_and_failures(
    browser: Client, instance: ElementInstance
) -> None:
    now = timezone.now()
    resource = PollingResource.objects.get()
    PollRun.objects.all().delete()
    for age, outcome in ((1, "found"), (1, "failed"), (90, "found"), (60 * 24 * 6, "found")):
        at = now - timedelta(minutes=age)
        PollRun.objects.create(resource=resource, started_at=at, finished_at=at, outcome=outcome)
    for age, status in ((1, "delivered"), (1, "retry"), (120, "queued"), (60 * 24 * 8, "retry")):
        [event] = record(instance)
        Event.objects.filter(pk=event).update(created_at=now - timedelta(minutes=age))
        Delivery.objects.filter(event=event).update(status=status)

    def sums(period: str) -> list[tuple[int, int]]:
        counted = charts.counted(instance, charts.period_of(period), now)
        return [(one.good, one.bad) for one in charts.charts(counted)]

    assert sums("hour") == [(1, 1), (2, 0), (1, 1)]
    assert sums("day") == [(2, 1), (3, 0), (1, 2)]
    assert sums("week") == [(3, 1), (3, 0), (1, 2)]
    page = part(browser, instance, "charts", period="week").content.decode()
    assert "Deliveries of the last week: 1, not arrived: 2" in page
    assert "style=" not in page
    whole = browser.get(f"/instances/{instance.pk}/charts", {"period": "week"}).content.decode()
    assert "<h1>Mailbox</h1>" in whole  # without scripts
    assert 'aria-current="true">Week' in whole


def test_a_backlog_has_a_progress_bar(browser: Client, instance: ElementInstance) -> None:
    now = timezone.now()
    resource = PollingResource.objects.get()
    run = {"resource": resource, "started_at": now, "finished_at": now, "outcome": "found"}
    PollRun.objects.create(put_aside=300, **run)
    PollRun.objects.create(put_aside=100, **run)
    long_ago = now - timedelta(days=3)
    PollRun.objects.create(
        put_aside=5000, **{**run, "started_at": long_ago, "finished_at": long_ago}
    )
    PutAsideObject.objects.bulk_create(
        PutAsideObject(
            resource=resource, object_id=f"m{number}", next_try_at=now, attempts=number // 98
        )
        for number in range(100)
    )
    PollingResource.objects.update(put_aside_due_at=now)
    page = part(browser, instance, "now").content.decode()
    assert "Reading changed-messages: 300 of 400" in page
    assert 'max="400" value="300"' in page
    assert "2 of them failed" in page


def test_a_callback_that_was_switched_off_is_switched_on_with_what_was_queued(
    browser: Client, instance: ElementInstance, receiver: Receiver, sandbox: SandboxServer
) -> None:
    path = f"/instances/{instance.pk}/sending"
    browser.post(path, {"sending": "off"})
    sandbox.control.deliver()
    poll_now(instance)
    page = shown(browser, instance)
    assert "switched off in the console. New events are kept." in page
    assert "and send the 1 waiting event<" in page
    answer = browser.post(path, {"sending": "on", "queued": "on"}, follow=True)
    assert "Sent again: 1" in answer.content.decode()
    deliver_all_due()
    assert len(receiver.ids()) == 1
    Subscription.objects.update(url="")
    answer = browser.post(path, {"sending": "on"}, follow=True)
    assert "There is no callback URL to send to" in answer.content.decode()


def test_an_instance_is_disabled_and_enabled(browser: Client, instance: ElementInstance) -> None:
    path = f"/instances/{instance.pk}/enabled"
    assert "Disabled:" in browser.post(path, {"enabled": "off"}, follow=True).content.decode()
    assert not PollingResource.objects.get().active
    browser.post(path, {"enabled": "on"})
    assert PollingResource.objects.get().active


def test_each_problem_has_the_button_that_mends_it(
    browser: Client, instance: ElementInstance
) -> None:
    def mended(**columns: Any) -> str:
        ElementInstance.objects.filter(pk=instance.pk).update(**columns)
        [button] = re.findall(r'id="mend"[^>]*>([^<]*)<', shown(browser, instance))
        return str(button)

    assert mended(problem="Nowhere.", reason_code="no-callback-url") == "Set a callback URL"
    assert mended(problem="Nothing.", reason_code="nothing-polled") == "Say what is polled"
    assert mended(problem="A box.", reason_code="scope-missing") == "Reconnect"
    PollingResource.objects.update(next_poll_at=timezone.now() - timedelta(days=1))
    assert mended(problem="", reason_code="") == "Poll now"
    assert mended(valid=False, problem="Gone.", reason_code="revoked") == "Reconnect"


def test_what_others_wrote_stays_text(browser: Client, instance: ElementInstance) -> None:
    hostile = '"><script>alert(1)</script>'
    PollingResource.objects.update(error=hostile, cursor=hostile, note=hostile)
    PollRun.objects.update(error=hostile)
    ElementInstance.objects.update(name=hostile, tags=[hostile], problem=hostile)
    [event] = record(instance)
    delivery = Delivery.objects.get(event=event)
    DeliveryAttempt.objects.create(
        delivery=delivery, number=1, started_at=timezone.now(), duration_ms=1, error=hostile
    )
    Delivery.objects.update(attempts_made=1, status="retry")
    for path in ("", "/edit", "/delete", "/timeline", "/now", "/charts"):
        page = browser.get(f"/instances/{instance.pk}{path}").content.decode()
        assert "<script>alert(1)" not in page, path
    assert keys.masked(instance)  # still there


def test_refused_webhooks_are_shown_with_why_and_how_they_begin(
    browser: Client, instance: ElementInstance
) -> None:
    assert "Refused webhooks" not in shown(browser, instance)
    now = timezone.now()
    for number in range(12):
        RefusedWebhook.objects.create(
            instance=instance,
            digest=str(number),
            reason=f"nothing stands at <b> {number}",
            size=3_000,
            body=b"<i>" + b"x" * 2_997,
            created_at=now,
            last_received_at=now + timedelta(seconds=number),
        )
    RefusedWebhook.objects.filter(digest="11").update(body=b"")
    page = shown(browser, instance)
    assert "nothing stands at &lt;b&gt; 11" in page
    assert "nothing stands at &lt;b&gt; 2<" in page
    assert "nothing stands at &lt;b&gt; 1<" not in page, "the latest ten"
    assert f"&lt;i&gt;{'x' * 1_997}</pre>" in page
    assert "not kept" in page
