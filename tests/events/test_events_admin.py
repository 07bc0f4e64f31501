"""What an operator sees of events and deliveries, and may do."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from events.models import Delivery, Subscription
from tests.all_due import deliver_all_due, run_all_errands
from tests.events.found import KEY, new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    user = get_user_model().objects.create_superuser("operator@example.com", password="a-pass-word")
    client.force_login(user)
    return client


def test_the_pages_open_and_hold_no_secret(operator: Client, receiver: Receiver) -> None:
    (event_id,) = record(new_instance(url=receiver.url))
    deliver_all_due()
    delivery = Delivery.objects.get()

    pages = [
        "/admin/events/event/",
        f"/admin/events/event/{event_id}/change/",
        "/admin/events/subscription/",
        f"/admin/events/subscription/{delivery.subscription_id}/change/",
        f"/admin/events/delivery/?q={delivery.webhook_id}",
        f"/admin/events/delivery/{delivery.pk}/change/",
    ]
    for page in pages:
        answer = operator.get(page)
        assert answer.status_code == 200, page
        assert KEY not in answer.content.decode()
    assert delivery.webhook_id in operator.get(pages[4]).content.decode()


def test_a_deactivated_subscription_is_turned_on_and_what_was_queued_is_sent(
    operator: Client, receiver: Receiver
) -> None:
    receiver.always(410)
    record(new_instance(url=receiver.url))
    deliver_all_due()
    subscription = Subscription.objects.get()
    assert not subscription.active
    receiver.always(200)

    operator.post(
        "/admin/events/subscription/",
        {
            "action": "turn_on_and_send_queued",
            "_selected_action": [subscription.pk],
            "confirmed": "yes",
        },
    )
    run_all_errands()
    deliver_all_due()

    assert Subscription.objects.get().active
    assert Delivery.objects.get().status == "delivered"


def test_nothing_is_written_by_hand(operator: Client, receiver: Receiver) -> None:
    record(new_instance(url=receiver.url))
    for model in ("event", "subscription", "delivery"):
        assert operator.get(f"/admin/events/{model}/add/").status_code == 403
