"""An organization with one of everything, whose changes are written down."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Account, User
from accounts.provision import NewOrganization, create_user
from accounts.roles import CATALOGUE
from accounts.secret import digest, new_instance_token
from elements import catalogue, register
from elements.calls import Change, ChangeType
from events.changes import record_changes
from events.models import Delivery, DeliveryStatus, Subscription
from instances import configuration
from instances.models import ElementInstance
from instances.signals import instance_saved
from tests.elements.ledger import ledger

CALLBACK = "https://receiver.example/"


@dataclass(frozen=True)
class World:
    owner: NewOrganization
    instance: ElementInstance
    token: str
    topics: Subscription
    account: Account
    colleague: User

    def path(self, template: str) -> str:
        """The template's path, for what is in here."""
        return template.format(
            instance=self.instance.pk,
            subscription=self.topics.pk,
            account=self.account.pk,
            user=self.colleague.pk,
        )


@pytest.fixture
def world(organization: NewOrganization) -> World:
    owner = organization
    token = new_instance_token()
    instance = ElementInstance(
        organization=owner.organization,
        user=owner.user,
        element_key="gmail",
        name="Mailbox",
        tags=["mail"],
        token=token,
        token_digest=digest(token),
    )
    values = {
        configuration.API_KEY: "client",
        configuration.API_SECRET: "client-secret",
        configuration.CALLBACK_URL: "https://app.example/",
        configuration.EVENTS_CALLBACK_URL: CALLBACK,
    }
    configuration.keep(instance, catalogue.find("gmail"), values)
    instance.save()
    with transaction.atomic():
        instance_saved.send(ElementInstance, instance=instance, created=True, reauthenticated=False)
        change = Change("m1", ChangeType.CREATED, {"subject": "a mail"}, "f")
        record_changes(instance, "changed-messages", [change], timezone.now())
    Delivery.objects.update(status=DeliveryStatus.QUEUED)
    account = Account.objects.create(
        organization=owner.organization, name="Branch", external_id="branch"
    )
    topics = Subscription.objects.create(
        organization=owner.organization,
        account=account,
        topics=["sales"],
        url=CALLBACK,
        origin=CALLBACK,
    )
    role = [CATALOGUE["org"]]
    colleague = create_user(account, "colleague@example.com", roles=role).user
    for key in ("ledger", "shared"):
        register.create(
            owner.organization.pk, {**ledger(), "key": key}, account_id=owner.user.account_id
        )
    register.share(owner.organization.pk, "shared", account.pk)
    return World(owner, instance, token, topics, account, colleague)
