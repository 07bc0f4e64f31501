"""What operators see of polling, and cannot change there."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from polling.models import PollingResource, PutAsideObject

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(db: None) -> Client:
    user = User.objects.create_superuser("operator@example.com", "operator@example.com", "secret")
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("overdue", {"next_poll_at": timezone.now().replace(year=2020)}),
        ("failing", {"failures": 3, "error": "the provider answered 500"}),
        ("put-aside", {"put_aside_due_at": timezone.now()}),
        ("new", {"cursor": None}),
    ],
)
def test_resources_are_found_by_their_condition(
    operator: Client, resource: PollingResource, condition: str, values: dict[str, object]
) -> None:
    address = f"/admin/polling/pollingresource/?condition={condition}"
    name = f"entries of instance {resource.instance_id}"
    link = f"/admin/polling/pollingresource/{resource.pk}/change/"
    assert link not in operator.get(address).content.decode()
    PollingResource.objects.update(**values)
    assert link in operator.get(address).content.decode()
    page = operator.get(link).content.decode()
    assert name in page
    assert 'name="_save"' not in page


def test_put_aside_objects_and_runs_are_listed(operator: Client, resource: PollingResource) -> None:
    PutAsideObject.objects.create(
        resource=resource, object_id="bad", change_type="CREATED", next_try_at=timezone.now(),
        attempts=3, error="this entry cannot be read",
    )  # fmt: skip
    page = operator.get("/admin/polling/putasideobject/").content.decode()
    assert "this entry cannot be read" in page
    assert "started" in operator.get("/admin/polling/pollrun/").content.decode()


def test_nothing_is_added_or_deleted_by_hand(operator: Client, resource: PollingResource) -> None:
    assert operator.get("/admin/polling/pollingresource/add/").status_code == 403
    address = f"/admin/polling/pollingresource/{resource.pk}/delete/"
    assert operator.post(address, {"post": "yes"}).status_code == 403
