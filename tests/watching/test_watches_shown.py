"""What people see of a watch: on the instance's page, over the API, and in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.provision import NewOrganization
from tests.conftest import ClientFor
from tests.watching.conftest import Connect
from tests.watching.hooks import HooksServer
from watching.models import MOST_UNANNOUNCED, InstanceWatch
from watching.tasks import keep_all_due

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
