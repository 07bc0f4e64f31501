"""Polling that should have run and did not: a metric, a health check, a notification, a mark."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events.models import Event
from instances.models import Credential, CredentialState, ElementInstance
from monitoring.watch import LOOKS, watch
from polling import claim, overdue
from polling.models import PollingResource
from tests.events.found import new_instance, record
from worker import leases
from worker.loops import LOOPS
from worker.models import LoopLease, WorkerHost

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"
MINUTE = 60
TOPIC = "instance.polling.stalled"


@pytest.fixture
def resource(organization: NewOrganization) -> PollingResource:
    """Polled a moment ago, every minute."""
    instance = new_instance(organization.organization)
    ElementInstance.objects.filter(pk=instance.pk).update(
        configuration={"event.notification.callback.url": "https://receiver.example/"}
    )
    Credential(instance=instance, access_token="t", refresh_token="r").save()
    return PollingResource.objects.create(
        organization=organization.organization,
        instance=instance,
        name="changed-messages",
        interval=MINUTE,
        cursor="1",
        next_poll_at=timezone.now() + timedelta(seconds=MINUTE),
        last_polled_at=timezone.now(),
    )


@pytest.fixture(autouse=True)
def _a_worker_lives(db: None) -> None:
    """By PostgreSQL's clock, for as long as the slowest test takes."""
    leases.tend("a host", 9, worked={(loop.name, 0): 1.0 for loop in LOOPS})
    later_on = timezone.now() + timedelta(hours=1)
    WorkerHost.objects.update(seen_at=later_on)
    LoopLease.objects.update(lease_until=later_on, worked_at=later_on)


def later(seconds: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds), tick=False)


def health() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/health/work")
    return answer.status_code, answer.json()


def metrics() -> str:
    return Client().get("/metrics").content.decode()


def metric(name: str) -> float:
    [value] = [
        line.split()[1] for line in metrics().splitlines() if line.startswith(f"periodic_{name} ")
    ]
    return float(value)


def told() -> list[Event]:
    return list(Event.objects.filter(topic=TOPIC).order_by("pk"))


def test_two_intervals_and_the_grace_are_the_limit(resource: PollingResource) -> None:
    with later(2 * MINUTE + 59):
        assert health() == (200, {"status": "ok"})
        assert metric("polling_overdue_resources") == 0
    with later(2 * MINUTE + 61):
        status, body = health()
        assert status == 503
        assert body["faults"]["polling"].startswith("1 resources should have been polled")
        assert metric("polling_overdue_resources") == 1
        assert MINUTE + 60 < metric("polling_oldest_overdue_seconds") < 2 * MINUTE + 61


def test_the_instance_says_so_wherever_it_is_shown(
    resource: PollingResource, organization: NewOrganization, client_for: Callable[..., APIClient]
) -> None:
    api = client_for(organization)
    browser = Client()
    browser.force_login(organization.user)
    path = f"{API}/instances/{resource.instance_id}"
    assert "problem" not in api.get(path).json()
    with later(4 * MINUTE):
        for shown in (api.get(path).json(), api.get(f"{API}/instances").json()[0]):
            assert shown["reasonCode"] == "polling-stalled"
            assert "changed-messages since" in shown["problem"]
        for page in (f"/instances/{resource.instance_id}", "/instances"):
            assert "Polling has stalled" in browser.get(page).content.decode()


def test_a_stall_is_told_though_another_look_of_the_worker_fails(
    resource: PollingResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(now: datetime) -> None:
        raise ValueError(now)

    monkeypatch.setitem(LOOKS, "receivers that fail", fails)
    with later(4 * MINUTE), pytest.raises(RuntimeError, match="receivers that fail"):
        watch()
    assert len(told()) == 1


@pytest.mark.parametrize("who", ["the worker", "the web server's health check"])
def test_a_stall_is_told_once_by_whoever_is_alive(resource: PollingResource, who: str) -> None:
    tell = watch if who == "the worker" else health
    with later(4 * MINUTE):
        tell()
        tell()
        watch()
        [event] = told()
        raw = json.loads(event.body)["message"]["raw"]["instance"][0]
        assert raw["reasonCode"] == "polling-stalled"
        assert raw["resources"][0]["resource"] == "changed-messages"
        assert event.severity == "high"
    now = timezone.now() + timedelta(hours=1)
    PollingResource.objects.update(next_poll_at=now, last_polled_at=now)
    with later(3600 + 2 * MINUTE + 61):  # another stall
        tell()
        assert len(told()) == 2


def test_several_resources_of_an_instance_are_one_notification(resource: PollingResource) -> None:
    PollingResource.objects.create(
        organization=resource.organization,
        instance=resource.instance,
        name="labels",
        interval=MINUTE,
        next_poll_at=resource.next_poll_at,
    )
    with later(4 * MINUTE):
        assert overdue.tell(timezone.now()) == 1
        [event] = told()
        assert [
            one["resource"]
            for one in json.loads(event.body)["message"]["raw"]["instance"][0]["resources"]
        ] == ["changed-messages", "labels"]


def test_a_worker_that_hangs_and_keeps_its_lease_is_noticed(resource: PollingResource) -> None:
    with later(MINUTE):
        [claimed] = claim.claim_due(1, timezone.now())
    with later(4 * MINUTE):
        claim.renew([claimed], timezone.now())
        assert health()[0] == 503


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"next_poll_at": timezone.now() + timedelta(hours=1), "failures": 5, "error": "it fails"},
        {"interval": 86_400},
    ],
    ids=["not polled at all", "failing, and waits for its retry", "polled once a day"],
)
def test_what_is_not_to_run_is_no_alarm(resource: PollingResource, change: dict[str, Any]) -> None:
    PollingResource.objects.update(**change)
    with later(4 * MINUTE):
        assert health()[0] == 200
        assert overdue.tell(timezone.now()) == 0


def test_deliveries_and_renewals_that_nobody_makes_are_faults(resource: PollingResource) -> None:
    instance = new_instance(resource.organization, url="https://receiver.example/")
    record(instance)
    Credential.objects.update(refresh_due_at=timezone.now())
    PollingResource.objects.update(active=False)
    assert health()[0] == 200
    with later(11 * MINUTE):
        status, body = health()
        assert status == 503
        assert set(body["faults"]) == {"deliveries", "refreshes"}
        assert metric("deliveries_due") == metric("deliveries_late") == 1
        instance.subscription.failing_since = timezone.now()
        instance.subscription.save()
        assert set(health()[1]["faults"]) == {"refreshes"}  # the receiver's fault, not ours
        assert metric("subscriptions_failing") == 1


def test_lost_grants_are_counted(resource: PollingResource) -> None:
    Credential.objects.update(state=CredentialState.LOST)
    assert metric("grants_lost") == 1


def test_live_and_ready_say_what_they_are_asked(resource: PollingResource) -> None:
    with later(4 * MINUTE):  # polling is another question
        for path in ("/health/live", "/health/ready"):
            answer = Client().get(path)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_metrics_are_for_who_may_see_them(settings: Settings, db: None) -> None:
    assert Client().get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics").status_code == 403
    assert Client().get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 403
    settings.PRODUCTION = True  # a proxy on this machine need not say that it is one
    assert Client().get("/metrics").status_code == 403
    settings.METRICS_TOKEN = "a token of metrics"
    for header in ("", "Bearer", "Bearer a token", "a token of metrics", "Bearer \u00e9"):
        assert Client().get("/metrics", headers={"Authorization": header}).status_code == 403
    asked = Client(REMOTE_ADDR="192.0.2.1").get(
        "/metrics", headers={"Authorization": "Bearer a token of metrics"}
    )
    assert asked.status_code == 200
    assert asked["Content-Type"].startswith("text/plain")


def test_no_worker_at_all_is_a_fault(resource: PollingResource) -> None:
    leases.leave("a host")
    status, body = health()
    assert status == 503
    assert set(body["faults"]) == {"worker"}
    assert "run python manage.py qcluster" in body["faults"]["worker"]
    assert metric("worker_hosts") == 0
    assert "periodic_worker_clock_offset_seconds{" not in metrics()


def test_a_loop_that_no_host_runs_is_a_fault(resource: PollingResource) -> None:
    LoopLease.objects.filter(loop="deliver").delete()
    status, body = health()
    assert status == 503
    assert body["faults"] == {"worker": "no host runs the deliver loop"}
    assert 'periodic_worker_loops{loop="deliver"} 0.0' in metrics()
    assert 'periodic_worker_loop_quiet_seconds{loop="deliver"} +Inf' in metrics()
    assert 'periodic_worker_loops{loop="poll"} 1.0' in metrics()


def test_a_loop_that_has_not_worked_for_a_minute_is_a_fault(resource: PollingResource) -> None:
    ago = timezone.now() - timedelta(seconds=75)
    LoopLease.objects.filter(loop="poll").update(worked_at=ago, taken_at=ago)
    status, body = health()
    assert status == 503
    assert body["faults"]["worker"].startswith("no poll loop worked for 7")


def test_a_host_says_that_its_loops_or_its_clock_are_wrong(resource: PollingResource) -> None:
    leases.tend("a host", 9, clock_offset=600.0, trouble="poll loop 1 has not worked for 31 s")
    status, body = health()
    assert status == 503
    assert body["faults"] == {
        "worker": "a host: poll loop 1 has not worked for 31 s",
        "clock": "the clock of a host is 600 s ahead of PostgreSQL's",
    }
    assert 'periodic_worker_clock_offset_seconds{host="a host"} 600.0' in metrics()
