"""An element that everybody has may receive webhooks: each instance believes its own secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.provision import NewOrganization, create_organization
from elements import built_in
from elements.checks import faults_of
from events.models import Event
from tests.events.vendor import connect, send

pytestmark = pytest.mark.django_db
ELEMENT = """
from elements.calls import ChangeType
from elements.types import ApiKey, ConfigurationField, Element, Setting
from elements.webhooks import Signature, Webhook

ELEMENT = Element(
    id=424242,
    key="tickets",
    name="Tickets",
    hub="help",
    description="Sends webhooks.",
    base_url=Setting("", "https://tickets.example.com"),
    authentication=ApiKey(),
    resources=(),
    configuration=(
        ConfigurationField("event.vendor.webhook.secret", "Secret", type="PASSWORD"),
        ConfigurationField("event.notification.instance.finder", "Finder", default="account"),
    ),
    webhook=Webhook(
        signature=Signature("X-Ledger-Signature", prefix="sha256="),
        object_type="value:tickets",
        event_type="action",
        event_types={"opened": ChangeType.CREATED, "ping": None},
    ),
)
"""
OPENED: dict[str, Any] = {"id": 7, "action": "opened", "account": "a1"}


@pytest.fixture(autouse=True)
def _tickets(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "tickets").mkdir()
    (tmp_path / "tickets" / "element.py").write_text(ELEMENT)
    settings.INTEGRATIONS_DIRS = [str(tmp_path)]


def test_each_organization_is_told_its_own(organization: NewOrganization) -> None:
    other = create_organization("Another", "other@example.com")
    # Both say that they are account a1: only one of them has the secret of it.
    called = {"event.notification.subscription.id": "a1"}
    ours = connect(organization, element_key="tickets", configuration=called)
    connect(other, element_key="tickets", configuration=called, secret="a guess")

    assert send("tickets", OPENED).status_code == 200
    assert send("tickets", {**OPENED, "action": "ping"}).status_code == 200
    assert send("tickets", {**OPENED, "account": "a2"}).status_code == 404

    event = Event.objects.get()
    assert event.instance_id == ours.pk
    assert event.objects_found == [{"objectId": "7", "eventType": "CREATED"}]


def test_its_secret_must_be_one(organization: NewOrganization) -> None:
    element = built_in.elements()["tickets"]
    assert not list(faults_of(element))
    for fields in ((), (replace(element.configuration[0], type="TEXTFIELD_100"),)):
        faults = faults_of(replace(element, configuration=fields))
        assert [fault.id for fault in faults] == ["elements.E005"]
