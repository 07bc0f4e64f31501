"""The first page of the admin: how the platform stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from administration.roles import READ_ONLY
from events.models import Subscription
from instances.models import Credential, CredentialState
from monitoring.models import Sample
from polling.models import PollingResource
from quota.models import QuotaBucket
from tests.administration.test_pages import INLINE
from tests.administration.world import World, signed_in
from worker import leases

pytestmark = pytest.mark.django_db


def page(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/admin/{query}")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert not INLINE.search(text)
    return text


def tile(text: str, name: str) -> str:
    _, _, after = text.partition(f"<span>{name}</span><strong>")
    return after.partition("</strong>")[0]


def test_it_tells_how_instances_polls_and_deliveries_stand(world: World) -> None:
    now = timezone.now()
    Credential.objects.update(state=CredentialState.LOST)
    due = now - timedelta(hours=5)
    PollingResource.objects.update(active=True, interval=60, next_poll_at=due, lease_until=None)
    minute = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
    Sample.objects.create(
        at=minute, connected=1234, overdue=4, polls=56, failed_polls=7, events=3, attempts=9,
        failed_attempts=2,
    )  # fmt: skip
    leases.tend("a host", 7, clock_offset=-61.2, trouble="poll loop 1 has not worked for 40 s")

    shown = page(signed_in(role=READ_ONLY))

    assert tile(shown, "Active") == "1,234"
    assert tile(shown, "Need reconnection") == str(Credential.objects.count())
    assert tile(shown, "Polls a minute") == "56"
    assert tile(shown, "Overdue resources") == str(PollingResource.objects.count())
    assert tile(shown, "Oldest overdue poll") == "5 h"
    assert "Worker hosts alive: 1" in shown
    assert "poll loop 1 has not worked for 40 s" in shown
    assert "its clock is 61 s behind PostgreSQL" in shown
    assert "refresh 1" in shown
    assert "Polls <strong>49</strong>" in shown
    assert "does not seem to run" not in shown


def test_it_says_so_when_no_worker_runs(world: World) -> None:
    Sample.objects.create(at=timezone.now() - timedelta(hours=2))
    shown = page(signed_in(superuser=True))
    assert "does not seem to run" in shown
    assert "None was heard of in the last 45 seconds" in shown


def test_it_shows_the_projects_that_use_most_of_a_quota(world: World) -> None:
    now = timezone.now()
    for name, drawn in (("gmail project a", 100), ("gmail project b", 2), ("gmail account c", 900)):
        QuotaBucket.objects.update_or_create(
            subject=name,
            defaults={"minute": now.replace(second=0, microsecond=0), "drawn": drawn,
                      "day": now.date(), "day_drawn": drawn},
        )  # fmt: skip
    shown = page(signed_in(superuser=True))
    assert shown.index("gmail project a") < shown.index("gmail project b")
    assert "gmail account c" not in shown


@pytest.mark.parametrize("period", ["hour", "day", "week", "never"])
def test_it_asks_as_many_statements_for_many_rows_as_for_one(world: World, period: str) -> None:
    browser = signed_in(superuser=True)
    page(browser)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            page(browser, f"?period={period}")
        counts.append(len(asked))
        world.fill(5)
    assert counts[0] == counts[1]


def test_it_shows_nothing_to_those_who_have_no_role(world: World) -> None:
    shown = page(signed_in())
    assert "You have no role here yet" in shown
    assert "Worker hosts" not in shown


def test_its_figures_lead_to_the_rows_they_count(world: World) -> None:
    now = timezone.now()
    world.fill(2)
    failing, off, well = Subscription.objects.order_by("pk")[:3]
    Subscription.objects.filter(pk=failing.pk).update(failing_since=now)
    Subscription.objects.filter(pk=off.pk).update(active=False, deactivated_at=now)
    browser = signed_in(role=READ_ONLY)
    shown = page(browser)
    for name, row in (("Failing subscriptions", failing), ("Subscriptions turned off", off)):
        assert tile(shown, name) == "1"
        link = shown.partition(f"<span>{name}</span>")[0].rpartition('href="')[2].split('"')[0]
        listed = browser.get(link).content.decode()
        found = [one.pk for one in (failing, off, well) if f"/{one.pk}/change/" in listed]
        assert found == [row.pk]


def test_it_is_not_for_customers(world: World) -> None:
    browser = Client()
    assert browser.get("/admin/").status_code == 302
    browser.force_login(world.new.user)
    assert browser.get("/admin/").status_code == 302
