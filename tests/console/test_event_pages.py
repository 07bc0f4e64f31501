"""The chain of an event as pages: found by each of its ids, shown as text, sent by a button."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from events.models import Delivery, Subscription
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from polling.poll_now import poll_now
from tests.all_due import deliver_all_due
from tests.events.found import changes, new_instance, record
from tests.events.receiver import Receiver

Travel = Callable[..., str]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def delivery(
    browser: Client, travel: Travel, sandbox: SandboxServer, receiver: Receiver
) -> Delivery:
    """Of a mail with a hostile subject, which the receiver turned down with a hostile answer."""
    receiver.always(410, body=HOSTILE.encode())
    browser.get(travel(events="on", callback_url=f"{receiver.url}?token=abcdefgh"))
    instance = ElementInstance.objects.get()
    poll_now(instance)  # the first, which finds nothing
    sandbox.control.deliver(subject=HOSTILE)
    poll_now(instance)
    deliver_all_due()
    return Delivery.objects.get()


def shown(browser: Client, path: str) -> str:
    answer = browser.get(path, follow=True)
    assert answer.status_code == 200, path
    return answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/events", "/events?id=1", "/events/1"])
def test_nothing_without_signing_in(path: str) -> None:
    assert Client().get(path)["Location"].startswith("/sign-in?next=")


def test_the_whole_chain_is_on_one_page(browser: Client, delivery: Delivery) -> None:
    page = shown(browser, f"/events/{delivery.event_id}")
    message_id = delivery.event.objects_found[0]["objectId"]
    for text in (message_id, "Cursor before", "Cursor after", delivery.webhook_id, "410"):
        assert text in page
    assert "the subscription was deactivated" in page
    assert "abcdefgh" not in page


def test_what_others_wrote_stays_text(browser: Client, delivery: Delivery) -> None:
    page = shown(browser, f"/events/{delivery.event_id}")
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3  # record, payload, answer


def test_an_event_is_found_by_each_of_its_ids(browser: Client, delivery: Delivery) -> None:
    page = f"/events/{delivery.event_id}"
    assert browser.get("/events", {"id": delivery.webhook_id})["Location"] == page
    assert browser.get("/events", {"id": f" {delivery.event_id} "})["Location"] == page
    message_id = delivery.event.objects_found[0]["objectId"]
    assert f'href="{page}"' in browser.get("/events", {"id": message_id}).content.decode()
    account = f"/instances/{delivery.event.instance_id}"
    assert f'href="{page}"' in shown(browser, account)


def test_an_object_that_is_called_like_an_event_is_found_too(
    browser: Client, delivery: Delivery
) -> None:
    answer = browser.get("/events", {"id": str(delivery.event_id), "object": ""})
    assert answer.status_code == 200
    assert f'There is also <a href="/events/{delivery.event_id}"' in answer.content.decode()


def test_why_there_is_no_event_is_said(
    browser: Client, travel: Travel, sandbox: SandboxServer
) -> None:
    browser.get(travel(events="on"))
    instance = ElementInstance.objects.get()
    poll_now(instance)
    poisoned = sandbox.control.deliver()["id"]
    sandbox.control.poison(poisoned)
    poll_now(instance)
    page = shown(browser, f"/events?id={poisoned}&account={instance.pk}")
    assert "No event tells of it." in page
    assert "put-aside" in page
    assert "no-callback-url" in page
    assert "not-seen" in shown(browser, f"/events?id=unknown&account={instance.pk}")
    assert "No instance knows of it." in shown(browser, f"/events?id={HOSTILE}")
    assert HOSTILE not in shown(browser, f"/events?id={HOSTILE}")


def test_a_button_sends_it_again(browser: Client, delivery: Delivery, receiver: Receiver) -> None:
    receiver.always(200)
    page = browser.post(f"/deliveries/{delivery.pk}/replay", follow=True)
    assert "It is sent again, under the same webhook-id." in page.content.decode()
    deliver_all_due()
    assert receiver.ids() == [delivery.webhook_id] * 2
    Subscription.objects.update(url="")
    page = browser.post(f"/deliveries/{delivery.pk}/replay", follow=True)
    assert "It is not sent again: it is on its way already" in page.content.decode()


def test_a_button_retries_now_what_waits_for_its_next_attempt(
    browser: Client, delivery: Delivery, receiver: Receiver
) -> None:
    later = timezone.now() + timedelta(hours=1)
    Subscription.objects.update(active=True)
    rows = Delivery.objects.filter(pk=delivery.pk)
    rows.update(status="retry", failures=4, first_failed_at=timezone.now(), next_attempt_at=later)
    page = shown(browser, f"/events/{delivery.event_id}")
    assert "retrying (4 failed)" in page
    assert "Retry now</button>" in page
    receiver.always(500)
    page = browser.post(f"/deliveries/{delivery.pk}/replay", follow=True).content.decode()
    assert "The next attempt is made now." in page
    deliver_all_due()
    assert receiver.ids() == [delivery.webhook_id] * 2
    delivery.refresh_from_db()
    assert (delivery.status, delivery.failures) == ("retry", 5)
    assert delivery.next_attempt_at > timezone.now() + timedelta(minutes=10)  # 4**5 s


def test_what_is_being_attempted_is_not_retried_beside_it(
    browser: Client, delivery: Delivery, receiver: Receiver
) -> None:
    lease = {"lease_id": uuid4(), "lease_until": timezone.now() + timedelta(minutes=1)}
    later = timezone.now() + timedelta(hours=1)
    rows = Delivery.objects.filter(pk=delivery.pk)
    rows.update(status="retry", failures=4, next_attempt_at=later, **lease)
    page = browser.post(f"/deliveries/{delivery.pk}/replay", follow=True).content.decode()
    assert "It is not sent again: it is on its way already" in page
    delivery.refresh_from_db()
    assert delivery.next_attempt_at == later


def test_others_events_are_not_there(
    browser: Client, delivery: Delivery, stranger: User, receiver: Receiver
) -> None:
    other = Client()
    other.force_login(stranger)
    event = delivery.event
    assert other.get(f"/events/{event.pk}").status_code == 404
    assert other.post(f"/deliveries/{delivery.pk}/replay").status_code == 404
    assert other.get("/events", {"id": "x", "account": str(event.instance_id)}).status_code == 404
    for asked in (delivery.webhook_id, event.pk, event.objects_found[0]["objectId"]):
        answer = other.get("/events", {"id": asked})
        assert answer.status_code == 200
        assert "No instance knows of it." in answer.content.decode()
    delivery.refresh_from_db()
    assert delivery.status == "queued"


def test_records_too_long_for_a_page_are_cut(browser: Client, travel: Travel) -> None:
    browser.get(travel(events="on"))
    with transaction.atomic():
        [event_id] = record(ElementInstance.objects.get(), changes(1, text="x" * 200_000))
    assert "characters more" in shown(browser, f"/events/{event_id}")


def test_an_object_of_many_instances_costs_as_many_queries_as_of_one(
    reader: Client, member: User
) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            record(new_instance(member.organization, url="https://receiver.example/"))
        with CaptureQueriesContext(connection) as made:
            assert reader.get("/events?id=m0&object").status_code == 200
        counts.append(len(made))
    assert counts[0] == counts[1]
