"""The worst of account, polling and delivery is the status, in console, API and admin alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.provision import NewOrganization
from events.models import Channel, Subscription
from instances.models import Credential, ElementInstance
from instances.status import Status
from polling.models import PollingResource
from tests.administration.world import signed_in
from tests.conftest import ClientFor
from tests.encryption.another_key import under_another_key

pytestmark = pytest.mark.django_db

URL = "https://app.example.com/events"
WORST_FIRST = [
    "needs-reconnection",
    "disabled",
    "polling-off",
    "delivery-off",
    "overdue",
    "polling-failing",
    "delivery-failing",
    "needs-attention",
    "connected",
]


class Part(NamedTuple):
    """What one of the three parts makes of the status, by the columns that are set for it."""

    status: str
    columns: Mapping[str, Any]


NOW = timezone.now()
FINE: dict[str, Any] = {}
ACCOUNTS = {
    "good": Part("connected", FINE),
    "lost": Part("needs-reconnection", {"valid": False, "problem": "Access was taken away."}),
    "disabled": Part("disabled", {"enabled": False}),
    "lost and disabled": Part("needs-reconnection", {"valid": False, "enabled": False}),
    "less granted": Part("needs-attention", {"problem": "A box was not ticked."}),
    "ends soon": Part("needs-attention", {"credential": {"ends_at": NOW + timedelta(days=1)}}),
    "refused": Part("needs-attention", {"credential": {"refusal": "invalid_client"}}),
    "sealed": Part("needs-attention", {"sealed": True}),
}
LATE = {"next_poll_at": NOW - timedelta(hours=2)}
FAILED = {"failures": 2, "error": "answered 503"}
POLLINGS = {
    "good": Part("connected", FINE),
    "late": Part("overdue", LATE),
    "failing": Part("polling-failing", FAILED),
    "late after failing": Part("overdue", {**LATE, **FAILED}),
    "of a deactivated owner": Part("polling-off", {"active": False, "error": "switched off"}),
    "paused": Part("connected", {"active": False, "enabled": False}),
    "events off": Part("connected", {"active": False, "events": False}),
    "by webhooks": Part("connected", {"active": False, "vendor_type": "webhook"}),
}
DELIVERIES = {
    "stored only": Part("connected", {"url": ""}),
    "good": Part("connected", FINE),
    "failing": Part("delivery-failing", {"failing_since": NOW}),
    "given up": Part(
        "delivery-off",
        {"active": False, "failing_since": NOW, "deactivated_at": NOW},
    ),
    "stopped": Part(
        "delivery-off",
        {"active": False, "deactivation_reason": "switched off in the console"},
    ),
    "fetched": Part("connected", {"active": False, "channel": Channel.QUEUE, "url": ""}),
}


def made(
    new: NewOrganization, name: str, account: Part, polling: Part, delivery: Part
) -> ElementInstance:
    columns = dict(account.columns)
    grant = columns.pop("credential", {})
    sealed = columns.pop("sealed", False)
    rows = dict(polling.columns)
    columns["events_enabled"] = rows.pop("events", True)
    columns["vendor_type"] = rows.pop("vendor_type", "polling")
    stopped = not (columns.get("valid", True) and columns.get("enabled", True))
    sent = {"url": URL, **delivery.columns}
    instance = ElementInstance.objects.create(
        organization=new.organization,
        user=new.user,
        element_key="gmail",
        name=name,
        token=name,
        token_digest=name,
        configuration={"event.notification.callback.url": sent["url"]} if sent["url"] else {},
        **columns,
    )
    Credential(instance=instance, access_token="t", refresh_token="r", **grant).save()
    if sealed:
        under_another_key(instance, "secrets")
    PollingResource.objects.create(
        organization=new.organization,
        instance=instance,
        name="changed-messages",
        interval=60,
        **{
            "next_poll_at": NOW + timedelta(days=1),  # however long the tests before took
            **rows,
            **({"active": False} if stopped else {}),
        },
    )
    Subscription(organization=new.organization, instance=instance, **sent).save()
    return instance


@pytest.fixture
def expected(organization: NewOrganization) -> dict[str, str]:
    """An instance of each combination, by name; its status is the worst of its parts'."""
    found = {}
    for (of_account, account), (of_polling, polling), (of_delivery, delivery) in product(
        ACCOUNTS.items(), POLLINGS.items(), DELIVERIES.items()
    ):
        name = f"{of_account}, {of_polling}, {of_delivery}"
        made(organization, name, account, polling, delivery)
        statuses = (account.status, polling.status, delivery.status)
        found[name] = min(statuses, key=WORST_FIRST.index)
    assert set(found.values()) == set(WORST_FIRST)
    return found


def pages_of(browser: Client, path: str, row: str, following: str) -> list[tuple[str, str]]:
    """What `row` finds on all pages, each led to by what `following` finds."""
    found = []
    at: str | None = path
    while at is not None:
        page = browser.get(at)
        assert page.status_code == 200
        text = page.content.decode()
        found += re.findall(row, text, re.DOTALL)
        onward = re.search(following, text)
        at = None if onward is None else "/instances" + onward[1].replace("&amp;", "&")
    return found


def test_console_api_and_admin_say_the_worst_of_all_parts(
    expected: dict[str, str],
    organization: NewOrganization,
    client_for: ClientFor,
    client: Client,
) -> None:
    labels = {status.label: status.value for status in Status}
    api = client_for(organization)
    answered: dict[str, str] = {}
    token = ""
    while len(answered) < len(expected):
        asked = f"pageSize=200&hydrate=false&nextPage={token}"
        page = api.get(f"/elements/api-v2/instances?{asked}")
        for one in page.json():
            answered[one["name"]] = one["status"]
            assert bool(one["statusReasons"]) is (one["status"] != "connected")
        token = page.headers.get("Elements-Next-Page-Token", "")
    assert answered == expected

    client.force_login(organization.user)
    row = r'<a href="/instances/\d+">([^<]*)</a>.*?<span class="badge[^"]*">([^<]*)</span>'
    listed = pages_of(client, "/instances", row, r'rel="next" href="([^"]*)"')
    assert {name: labels[label] for name, label in listed} == expected

    for status in Status:
        path = f"/instances?state={status.value}"
        shown = pages_of(client, path, row, r'rel="next" href="([^"]*)"')
        assert Counter(name for name, _ in shown) == Counter(
            name for name, word in expected.items() if word == status.value
        )
        assert {label for _, label in shown} == {status.label}
    shown = pages_of(client, "/instances?state=problem", row, r'rel="next" href="([^"]*)"')
    assert Counter(name for name, _ in shown) == Counter(
        name for name, word in expected.items() if word != "connected"
    )

    operator = signed_in(superuser=True)
    row = r'<th class="[^"]*field-name[^"]*".*?>([^<>]*)</a>.*?<span class="state[^"]*">([^<]*)<'
    for status in Status:
        wanted = {name for name, word in expected.items() if word == status.value}
        administered: dict[str, str] = {}
        for number in range(-(-len(wanted) // 50)):
            administered_page = operator.get(
                reverse("admin:instances_elementinstance_changelist"),
                {"state": status.value, "p": number + 1},
            )
            administered |= dict(re.findall(row, administered_page.content.decode(), re.DOTALL))
        assert administered == dict.fromkeys(wanted, status.label)
