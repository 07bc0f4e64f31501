"""What people see of a watch: on the instance's page, over the API, and in the admin."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.provision import NewOrganization
from polling.status import notes
from tests.all_due import keep_all_due
from tests.conftest import ClientFor
from tests.watching.conftest import Connect
from tests.watching.hooks import HooksServer
from watching.models import MOST_UNANNOUNCED, InstanceWatch

pytestmark = pytest.mark.django_db(transaction=True)
API = "/elements/api-v2"


def test_its_state_is_on_the_page_and_in_the_api_without_the_secret(
    provider: HooksServer,
    connect: Connect,
    organization: NewOrganization,
    client_for: ClientFor,
) -> None:
    instance = connect()
    browser = Client()
    browser.force_login(organization.user)

    def seen() -> tuple[Any, str]:
        shown = client_for(organization).get(f"{API}/instances/{instance.pk}/polls").json()
        page = browser.get(f"/instances/{instance.pk}").content.decode()
        assert InstanceWatch.objects.get().secret not in f"{shown}{page}"
        return shown["watch"], page

    provider.faults = [403]
    keep_all_due()
    watch, page = seen()
    assert (watch["status"], watch["failures"]) == ("failed", 1)
    assert "fault 403" in watch["error"]
    assert "fault 403" in page

    InstanceWatch.objects.update(due_at=instance.created_at)
    keep_all_due()
    watch, page = seen()
    assert (watch["status"], watch["error"], watch["expiresDate"]) == ("on", None, None)
    assert "told by the provider: on" in page
    assert "not by itself" in page

    InstanceWatch.objects.update(unannounced=MOST_UNANNOUNCED)
    watch, page = seen()
    assert watch["status"] == "silent"
    assert "Polls find changes that the provider did not tell of" in page


def test_each_instance_says_how_its_watch_is(
    provider: HooksServer,
    connect: Connect,
    organization: NewOrganization,
    client_for: ClientFor,
) -> None:
    instance = connect()
    api = client_for(organization)

    def shown() -> str:
        one = api.get(f"{API}/instances/{instance.pk}").json()
        [same] = api.get(f"{API}/instances").json()
        assert one["watchStatus"] == same["watchStatus"]
        assert "problem" not in one or one["reasonCode"] == "no-callback-url"
        return str(one["watchStatus"])

    assert shown() == "starting"
    keep_all_due()
    assert shown() == "on"
    InstanceWatch.objects.update(unannounced=MOST_UNANNOUNCED)
    assert shown() == "silent"

    with CaptureQueriesContext(connection) as queries:
        api.get(f"{API}/instances/{instance.pk}")
    assert len(queries) == 2  # who calls, and how the instance is: polling and watch in one

    api.delete(f"{API}/instances/{instance.pk}/enabled")
    assert "watchStatus" not in api.get(f"{API}/instances/{instance.pk}").json()


def test_the_statement_says_of_a_watch_what_its_row_says(
    provider: HooksServer, connect: Connect
) -> None:
    instance = connect()
    now = timezone.now()
    about_now: list[datetime | None] = [None, now - timedelta(seconds=1), now]
    later = now + timedelta(seconds=1)
    seen = set()
    for wanted, suspended, due, started, failures, expires, unannounced in product(
        (True, False),
        (True, False),
        (None, now),
        (None, now),
        (0, 1),
        (*about_now, later),
        (0, MOST_UNANNOUNCED - 1, MOST_UNANNOUNCED),
    ):
        InstanceWatch.objects.update(
            wanted=wanted,
            suspended=suspended,
            due_at=due,
            started_at=started,
            failures=failures,
            expires_at=expires,
            unannounced=unannounced,
        )
        [stored] = notes([instance], now).values()
        assert stored.watch == InstanceWatch.objects.get().status(now)
        seen.add(stored.watch)
    assert seen == {"starting", "on", "silent", "failed", "stopping", "off"}


def test_an_operator_sees_it_and_changes_nothing(provider: HooksServer, connect: Connect) -> None:
    connect()
    keep_all_due()
    operator = Client()
    operator.force_login(
        User.objects.create_superuser("operator@example.com", "operator@example.com", "secret")
    )
    row = InstanceWatch.objects.get()

    listed = operator.get("/admin/watching/instancewatch/")
    page = operator.get(f"/admin/watching/instancewatch/{row.pk}/change/")

    assert (listed.status_code, page.status_code) == (200, 200)
    assert row.secret not in page.content.decode()
    assert operator.post(f"/admin/watching/instancewatch/{row.pk}/delete/").status_code == 403
