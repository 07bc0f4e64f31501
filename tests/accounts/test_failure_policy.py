"""The account of whoever connected a mailbox decides what happens when a delivery fails."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Account
from events.claim import Claimed, claim, due_subscriptions
from instances.models import ElementInstance
from tests.accounts.conftest import Person
from tests.events.found import new_instance, record

pytestmark = pytest.mark.django_db
KEY = "notification.webhook.failure.policy"
URL = "http://127.0.0.1:9/callback"


def claimed() -> list[Claimed]:
    now = timezone.now()
    return claim(now, {due.subscription_id: 1 for due in due_subscriptions(now).due}, 10)


def policies() -> dict[int, str]:
    """By user."""
    owners = dict(ElementInstance.objects.values_list("subscription__pk", "user_id"))
    return {owners[one.subscription_id]: one.policy for one in claimed()}


def test_two_accounts_of_one_organization_have_each_their_own(
    owner: Person, branch: Account
) -> None:
    first = new_instance(branch.organization, url=URL)
    second = new_instance(branch.organization, url=URL)
    second.user.account = branch
    second.user.save()
    owner.ask("patch", f"accounts/{branch.pk}/settings", {KEY: "queue"})
    record(first)
    record(second)

    assert policies() == {first.user_id: "retry", second.user_id: "queue"}


def test_a_user_without_account_goes_by_the_default_one(owner: Person, branch: Account) -> None:
    instance = new_instance(branch.organization, url=URL)
    type(instance.user)._default_manager.filter(pk=instance.user_id).update(account=None)
    owner.ask("patch", "accounts/settings", {KEY: "queue"})
    record(instance)

    assert policies() == {instance.user_id: "queue"}
