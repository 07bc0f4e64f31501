"""One message that its receiver never takes is given up alone; the subscription stays on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.provision import NewOrganization
from elements.calls import Change
from events.models import Delivery, Subscription
from events.redeliver import send_again
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import changes, new_instance, record, statuses
from tests.events.receiver import Notification, Receiver, Reply

DELIVERIES = "/elements/api-v2/notifications/subscriptions/deliveries"
EXPLANATION = "/elements/api-v2/instances/events/explanation"
pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
REFUSED = b'"refuse-me"'


@pytest.fixture
def instance(receiver: Receiver) -> ElementInstance:
    def answer(notification: Notification) -> Reply:
        return Reply(422 if REFUSED in notification.body else 200)

    receiver.answer = answer
    return new_instance(url=receiver.url)


def refused(number: int = 0) -> list[Change]:
    return [changes(number + 1, note="refuse-me")[number]]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as travelled:
        yield travelled


def through_all_retries(clock: time_machine.Traveller) -> None:
    deliver_all_due()
    for retry in range(1, 10):
        clock.move_to(START + timedelta(seconds=4**retry * 1.05 + 1))
        deliver_all_due()


def of_deliveries() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("status", flat=True))


def test_it_is_given_up_and_the_others_arrive(
    instance: ElementInstance, clock: time_machine.Traveller
) -> None:
    record(instance, refused())
    for _ in range(80):
        record(instance)

    through_all_retries(clock)

    assert of_deliveries() == ["failed", *["delivered"] * 80]
    delivery = Delivery.objects.earliest("id")
    assert (delivery.attempts_made, delivery.attempts.latest("number").status_code) == (10, 422)
    subscription = Subscription.objects.get()
    assert (subscription.active, subscription.deactivation_reason) == (True, "")
    record(instance)
    deliver_all_due()
    assert of_deliveries()[-1] == "delivered"


def test_without_others_the_subscription_is_switched_off(
    instance: ElementInstance, clock: time_machine.Traveller
) -> None:
    record(instance)
    deliver_all_due()
    clock.shift(1)
    record(instance, refused())

    through_all_retries(clock)
    clock.shift(20_000)
    deliver_all_due()

    assert of_deliveries() == ["delivered", "queued"]
    assert not Subscription.objects.get().active


def test_it_is_sent_again_on_request(
    instance: ElementInstance, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    (event, _) = [*record(instance, refused()), *record(instance)]
    through_all_retries(clock)
    receiver.always(200)

    assert send_again(Delivery.objects.filter(event=event), timezone.now()) == 1
    deliver_all_due()

    assert of_deliveries() == ["delivered", "delivered"]
    assert len({one.webhook_id for one in receiver.received if REFUSED in one.body}) == 1
    assert set(statuses()) == {"NOTIFIED"}


def test_the_api_lists_explains_and_sends_it_again(
    receiver: Receiver,
    organization: NewOrganization,
    client_for: ClientFor,
    clock: time_machine.Traveller,
) -> None:
    instance = new_instance(organization.organization, url=receiver.url)
    [event] = record(instance)
    Delivery.objects.update(status="failed", failures=10, attempts_made=10)
    client = client_for(organization)

    listed = client.get(DELIVERIES, {"where": "status = 'failed'"}).json()
    [explained] = client.get(EXPLANATION, {"eventId": event}).json()["events"]
    sent = client.put(f"{DELIVERIES}?where=status%20=%20'failed'")
    deliver_all_due()

    assert [one["status"] for one in listed] == ["failed"]
    [reason] = explained["reasons"]
    assert reason["code"] == "failed"
    assert "given up after 10 attempts" in reason["message"]
    assert explained["deliveries"][0]["replay"]["possible"]
    assert (sent.status_code, sent["Elements-Total-Count"]) == (200, "1")
    assert of_deliveries() == ["delivered"]


def test_what_waited_for_it_in_order_goes_on(
    instance: ElementInstance, clock: time_machine.Traveller
) -> None:
    Subscription.objects.update(ordered=True)
    record(instance, refused())
    record(instance, changes(1))  # of the same object
    record(instance, changes(2)[1:])

    through_all_retries(clock)
    deliver_all_due()

    assert of_deliveries() == ["failed", "delivered", "delivered"]
