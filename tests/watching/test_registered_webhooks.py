"""A provider is asked to tell, and no longer to, as the instance wants it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import access
from accounts.provision import NewOrganization
from api.errors import BadRequest
from elements.errors import ConfigurationError
from events.models import Event
from instances import provision
from instances.cleanup import MAX_STEP_ATTEMPTS
from instances.models import Cleanup, ElementInstance
from retention.recall import recall
from tests.all_due import clean_all_due, keep_all_due
from tests.watching.conftest import Connect
from tests.watching.hooks import HooksServer
from transport.errors import UnitsUsedUp
from watching.claim import LEASE
from watching.models import InstanceWatch
from watching.waits import WAITS

pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = "/elements/api-v2/events"


def watch_of(instance: ElementInstance) -> InstanceWatch:
    return InstanceWatch.objects.get(instance=instance)


def status_of(instance: ElementInstance) -> str:
    return watch_of(instance).status(timezone.now())


def tell(instance: ElementInstance, secret: str, body: Any = None) -> int:
    """POSTs as the provider does; the status that is answered."""
    raw = json.dumps(body or {"id": 7, "action": "created"}).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    answer = APIClient().generic(
        "POST",
        f"{EVENTS}/hooks/{instance.pk}",
        raw,  # type: ignore[arg-type]  # the stubs know of text only
        "application/json",
        headers={"X-Signature": f"sha256={signature}"},
    )
    return answer.status_code


def test_a_webhook_is_registered_with_an_address_and_a_secret_of_its_own(
    provider: HooksServer, connect: Connect
) -> None:
    first, second = connect(), connect()
    assert status_of(first) == "starting"

    keep_all_due()

    hooks = {hook["url"]: hook for hook in provider.hooks.values()}
    for instance in (first, second):
        ref = base64.b64encode(str(instance.pk).encode()).decode()
        hook = hooks.pop(f"https://periodic.example/elements/api-v2/events/hooks/{ref}")
        assert hook["project"] == "apollo"
        assert watch_of(instance).state == {"id": hook["id"]}
        assert status_of(instance) == "on"
    assert hooks == {}
    secrets = {hook["secret"] for hook in provider.hooks.values()}
    assert len(secrets) == 2
    assert min(map(len, secrets)) >= 32


def test_what_is_signed_with_that_secret_becomes_an_event(
    provider: HooksServer, connect: Connect
) -> None:
    first, second = connect(), connect()
    keep_all_due()
    secret = watch_of(first).secret

    assert tell(first, secret) == 200
    assert tell(first, watch_of(second).secret) == 401
    assert tell(first, "") == 401

    assert Event.objects.get().instance_id == first.pk
    assert watch_of(first).last_heard_at is not None
    assert watch_of(second).last_heard_at is None


def test_a_secret_that_a_person_gave_to_the_provider_holds_as_well(
    provider: HooksServer, connect: Connect
) -> None:
    instance = connect(**{"event.vendor.webhook.secret": "given by hand"})

    assert tell(instance, "given by hand") == 200
    assert tell(instance, watch_of(instance).secret, {"id": 8}) == 200
    assert tell(instance, "another") == 401


def test_without_a_watch_the_secret_must_be_configured(
    provider: HooksServer, connect: Connect
) -> None:
    with pytest.raises(BadRequest, match=r"event\.vendor\.webhook\.secret is missing"):
        connect(**{"hooks.project": ""})
    with pytest.raises(ConfigurationError, match=r"hooks\.project: must be the name"):
        connect(**{"hooks.project": "a/b"})
    assert InstanceWatch.objects.count() == 0


@pytest.mark.parametrize(
    "wish",
    [
        {"configuration": {"event.notification.enabled": "false"}},
        {"configuration": {"event.vendor.type": "polling", "event.notification.enabled": "false"}},
        {"configuration": {"hooks.project": "", "event.vendor.webhook.secret": "by hand"}},
        {"enabled": False},
    ],
)
def test_it_is_removed_when_it_is_wanted_no_more_and_comes_back(
    provider: HooksServer, connect: Connect, change: Connect, wish: dict[str, Any]
) -> None:
    instance = connect()
    keep_all_due()
    secret = watch_of(instance).secret

    change(instance, **wish)
    assert status_of(instance) == "stopping"
    keep_all_due()
    assert (provider.hooks, status_of(instance)) == ({}, "off")

    change(
        instance,
        enabled=True,
        configuration={
            "event.notification.enabled": "true",
            "event.vendor.type": "webhook",
            "hooks.project": "apollo",
        },
    )
    keep_all_due()
    assert [hook["secret"] for hook in provider.hooks.values()] == [secret]
    assert status_of(instance) == "on"


def test_it_moves_with_the_configuration_and_stays_with_a_new_name(
    provider: HooksServer, connect: Connect, change: Connect
) -> None:
    instance = connect()
    keep_all_due()
    provider.requests.clear()

    change(instance, name="Another name")
    keep_all_due()
    assert provider.requests == []

    change(instance, configuration={"hooks.project": "gemini"})
    keep_all_due()
    assert [hook["project"] for hook in provider.hooks.values()] == ["gemini"]
    assert watch_of(instance).state == {"id": 2}


def test_it_is_removed_with_the_instance(
    provider: HooksServer, connect: Connect, organization: NewOrganization
) -> None:
    instance = connect()
    keep_all_due()

    provision.delete(organization.organization, instance.pk)
    clean_all_due()
    assert provider.hooks == {}
    assert InstanceWatch.objects.count() == 0


def test_an_instance_goes_although_its_provider_is_down(
    provider: HooksServer, connect: Connect, organization: NewOrganization
) -> None:
    instance = connect()
    keep_all_due()
    provider.faults = [500] * 3

    provision.delete(organization.organization, instance.pk)
    assert ElementInstance.objects.count() == 0
    for failures in (1, 2, 3):
        clean_all_due()
        assert Cleanup.objects.get().failures == failures
        assert len(provider.hooks) == 1
        Cleanup.objects.update(due_at=timezone.now())
    clean_all_due()
    assert provider.hooks == {}
    assert not Cleanup.objects.exists()


def test_a_watch_that_cannot_be_stopped_is_given_up_after_an_hour(
    provider: HooksServer, connect: Connect, organization: NewOrganization
) -> None:
    instance = connect()
    keep_all_due()
    provision.delete(organization.organization, instance.pk)
    Cleanup.objects.update(failures=MAX_STEP_ATTEMPTS - 1)
    provider.faults = [500]

    clean_all_due()
    assert Cleanup.objects.count() == 1
    Cleanup.objects.update(due_at=timezone.now())
    clean_all_due()
    assert len(provider.hooks) == 1
    assert not Cleanup.objects.exists()


def test_nobody_is_told_for_a_user_who_is_switched_off(
    provider: HooksServer, connect: Connect, organization: NewOrganization
) -> None:
    instance = connect()
    keep_all_due()

    access.set_user_active(organization.user, False)
    keep_all_due()
    assert (provider.hooks, status_of(instance)) == ({}, "off")

    access.set_user_active(organization.user, True)
    keep_all_due()
    assert len(provider.hooks) == 1


def test_it_is_renewed_each_day_and_before_it_ends(provider: HooksServer, connect: Connect) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as now:
        connect()
        keep_all_due()
        started = len(provider.requests)
        now.shift(timedelta(hours=20))
        keep_all_due()
        assert len(provider.requests) == started
        now.shift(timedelta(hours=4))
        keep_all_due()
        assert len(provider.requests) == started + 1  # it asks for what there is

        provider.until = timezone.now().timestamp() + 7200
        provider.hooks[1]["until"] = provider.until
        now.shift(timedelta(days=1))
        keep_all_due()
        [row] = InstanceWatch.objects.all()
        assert row.due_at is not None
        assert row.due_at - timezone.now() <= timedelta(hours=1)


def test_what_fails_is_tried_again_with_longer_pauses(
    provider: HooksServer, connect: Connect
) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as now:
        instance = connect()
        provider.faults = [500, 403, (429, {"Retry-After": "3000"})]
        for pause in (30, 60, 3000):
            keep_all_due()
            row = watch_of(instance)
            assert row.due_at == timezone.now() + timedelta(seconds=pause)
            assert (status_of(instance), "the provider answered" in row.error) == ("failed", True)
            now.shift(pause)
        keep_all_due()

        row = watch_of(instance)
        assert (status_of(instance), row.failures, row.error) == ("on", 0, "")


def test_a_limit_is_no_failure_of_registering(
    provider: HooksServer, connect: Connect, change: Connect
) -> None:
    """Nobody has to mend anything, and a stop is not given up for it."""
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as now:
        instance = connect()
        provider.faults = [(403, {"Retry-After": "3000"})]
        keep_all_due()
        row = watch_of(instance)
        assert (status_of(instance), row.failures) == ("starting", 0)
        assert row.due_at == timezone.now() + timedelta(seconds=3000)
        now.shift(3000)
        keep_all_due()
        assert status_of(instance) == "on"

        change(instance, configuration={"event.notification.enabled": "false"})
        provider.faults = [(403, {"Retry-After": "3600"})] * 20
        while provider.faults:
            keep_all_due()
            now.shift(timedelta(hours=1))
        assert status_of(instance) == "stopping"
        keep_all_due()
        assert (status_of(instance), provider.hooks) == ("off", {})


def test_the_wait_for_a_limit_is_not_ended_before_its_time(
    provider: HooksServer, connect: Connect
) -> None:
    instance = connect()
    provider.faults = [(403, {"Retry-After": "3000"})]
    keep_all_due()
    asked_again_at = watch_of(instance).due_at

    assert recall(WAITS) == 0
    assert watch_of(instance).due_at == asked_again_at


def test_a_watch_that_ended_is_shown_as_failed(provider: HooksServer, connect: Connect) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as now:
        provider.until = timezone.now().timestamp() + 3600
        instance = connect()
        keep_all_due()
        assert status_of(instance) == "on"
        now.shift(timedelta(hours=1))
        assert status_of(instance) == "failed"


def test_a_stop_that_never_succeeds_is_given_up(
    provider: HooksServer, connect: Connect, change: Connect
) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as now:
        instance = connect()
        keep_all_due()
        change(instance, configuration={"event.notification.enabled": "false"})
        provider.faults = [500] * 100
        for _ in range(20):
            keep_all_due()
            now.shift(timedelta(hours=1))

        assert len(provider.faults) > 80
        row = watch_of(instance)
        assert (row.due_at, status_of(instance)) == (None, "off")
        assert "500" in row.error


# --- At the same time ----------------------------------------------------------------------------


def test_switched_off_while_it_is_being_started_it_is_removed(
    provider: HooksServer, connect: Connect, change: Connect
) -> None:
    instance = connect()

    def switch_off(asked: str) -> None:
        if asked.startswith("POST"):
            provider.before = lambda asked: None
            change(instance, configuration={"event.notification.enabled": "false"})

    provider.before = switch_off
    keep_all_due()

    assert (provider.hooks, status_of(instance)) == ({}, "off")


def test_deleted_while_it_is_being_started_it_is_removed(
    provider: HooksServer, connect: Connect, organization: NewOrganization
) -> None:
    instance = connect()

    def delete(asked: str) -> None:
        if asked.startswith("POST"):
            provider.before = lambda asked: None
            provision.delete(organization.organization, instance.pk)
            clean_all_due()

    provider.before = delete
    keep_all_due()
    assert len(provider.hooks) == 1  # it was started after that

    with time_machine.travel(timezone.now() + LEASE):
        clean_all_due()
    assert provider.hooks == {}


def test_two_workers_register_it_once(provider: HooksServer, connect: Connect) -> None:
    connect()

    def another_worker(asked: str) -> None:
        if asked.startswith("POST"):
            keep_all_due()

    provider.before = another_worker
    keep_all_due()

    assert len(provider.hooks) == 1


def test_without_units_of_the_providers_quota_it_waits_for_them(
    provider: HooksServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: Any, **__: Any) -> Any:
        raise UnitsUsedUp(2000)

    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        instance = connect()
        monkeypatch.setattr("watching.keep.session.account_of", none_left)
        keep_all_due()
        assert watch_of(instance).due_at == timezone.now() + timedelta(seconds=2000)
