"""Connecting an instance again: the account it had, or another one where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from events.models import Event
from instances.models import Credential, ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from polling.models import ListedObject, PolledObject, PollingResource, PutAsideObject

pytestmark = pytest.mark.django_db(transaction=True)

API = "/elements/api-v2"
OTHER = "other@example.com"
PROFILE = {"path": "/gmail/v1/users/me/profile"}
Json = dict[str, Any]
Consent = Callable[..., str]


@pytest.fixture
def mailbox(api: APIClient, body: Callable[..., Json], sandbox: SandboxServer) -> ElementInstance:
    """Polled, with a message that was told and one that is deferred; another account is there."""
    sandbox.control.create_mailbox(OTHER)
    polled = {"event.notification.enabled": "true"}
    answer = api.post(f"{API}/instances", body(polled), format="json")
    assert answer.status_code == 200, answer.content
    sandbox.control.deliver()
    poll(api)
    resource = PollingResource.objects.get()
    now = timezone.now()
    PutAsideObject.objects.create(
        resource=resource, object_id="m7", change_type="CREATED", next_try_at=now
    )
    assert Event.objects.count() == PolledObject.objects.count() == 1
    return ElementInstance.objects.get()


def poll(api: APIClient) -> None:
    instance = ElementInstance.objects.get()
    answer = api.post(f"{API}/instances/{instance.pk}/polls")
    assert answer.status_code == 200, answer.content


def connect_again(api: APIClient, changes: Json, *, method: str = "patch") -> Any:
    instance = ElementInstance.objects.get()
    return getattr(api, method)(f"{API}/instances/{instance.pk}", changes, format="json")


def stored() -> tuple[Any, ...]:
    instance, credential = ElementInstance.objects.get(), Credential.objects.get()
    resource = PollingResource.objects.get()
    return (
        instance.configuration,
        instance.valid,
        credential.access_token,
        credential.account,
        resource.cursor,
        PolledObject.objects.count(),
        PutAsideObject.objects.count(),
    )


@pytest.mark.parametrize("method", ["patch", "put"])
def test_a_code_of_another_account_is_refused_and_changes_nothing(
    api: APIClient, mailbox: ElementInstance, consent: Consent, method: str
) -> None:
    before = stored()
    whole = api.get(f"{API}/instances/{mailbox.pk}").json()["configuration"]
    changes: Json = {"providerData": {"code": consent(address=OTHER)}, "configuration": whole}

    answer = connect_again(api, changes, method=method)

    assert answer.status_code == 409, answer.content
    assert "allowOtherAccount" in answer.json()["message"]
    assert stored() == before


def test_tokens_of_another_account_are_refused(
    api: APIClient, mailbox: ElementInstance, sandbox: SandboxServer
) -> None:
    before = stored()
    tokens = sandbox.control.sign_in(OTHER)
    brought = {"oauth.user.refresh_token": tokens["refresh_token"]}
    changes = {"externalAuthentication": "initial", "configuration": brought}
    assert connect_again(api, changes).status_code == 409
    assert stored() == before


def test_an_account_that_the_provider_does_not_name_is_not_taken_for_the_same(
    api: APIClient, mailbox: ElementInstance, consent: Consent, sandbox: SandboxServer
) -> None:
    before = stored()
    sandbox.control.add_fault(PROFILE, {"status": 500})
    answer = connect_again(api, {"providerData": {"code": consent()}})
    assert answer.status_code == 409
    assert "did not say which account" in answer.json()["message"]
    assert stored() == before


def test_the_same_account_keeps_its_place_under_another_application_too(
    api: APIClient, mailbox: ElementInstance, sandbox: SandboxServer
) -> None:
    cursor, whose = PollingResource.objects.get().cursor, Credential.objects.get().account
    sandbox.control.register_client("another-client", "another-secret")
    tokens = sandbox.control.sign_in(client=("another-client", "another-secret"))
    configuration = {
        "oauth.api.key": "another-client",
        "oauth.api.secret": "another-secret",
        "oauth.user.refresh_token": tokens["refresh_token"],
    }
    changes = {"externalAuthentication": "initial", "configuration": configuration}
    answer = connect_again(api, changes)
    assert answer.status_code == 200, answer.content
    assert PollingResource.objects.get().cursor == cursor
    assert Credential.objects.get().account != whose  # of that application
    assert PolledObject.objects.exists()


@pytest.mark.parametrize("enabled", [True, False])
def test_another_account_that_is_asked_for_begins_anew(
    api: APIClient,
    mailbox: ElementInstance,
    consent: Consent,
    sandbox: SandboxServer,
    enabled: bool,
) -> None:
    assert api.post(f"{API}/instances/{mailbox.pk}/reconcile").status_code == 200
    resource = PollingResource.objects.get()
    ListedObject.objects.create(resource=resource, object_id="m7")
    ElementInstance.objects.update(enabled=enabled)
    sandbox.control.deliver(OTHER)  # before it is connected
    cursor = resource.cursor
    changes = {"providerData": {"code": consent(address=OTHER)}, "allowOtherAccount": True}

    answer = connect_again(api, changes)

    assert answer.status_code == 200, answer.content
    assert (answer.json()["id"], answer.json()["token"]) == (mailbox.pk, mailbox.token)
    assert not PolledObject.objects.exists()
    assert not PutAsideObject.objects.exists()
    assert not ListedObject.objects.exists()
    assert PollingResource.objects.get().reconciliation is None
    if enabled:
        assert PollingResource.objects.get().cursor not in (None, cursor)
    else:
        assert PollingResource.objects.get().cursor is None
        api.put(f"{API}/instances/{mailbox.pk}/enabled")
    poll(api)
    assert Event.objects.count() == 1  # the first account's
    new = sandbox.control.deliver(OTHER)
    poll(api)
    found = Event.objects.latest("pk").objects_found
    assert found == [{"objectId": new["id"], "eventType": "CREATED"}]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"allowOtherAccount": True}, "allowOtherAccount: goes with providerData.code"),
        ({"allowOtherAccount": "yes"}, "allowOtherAccount must be true or false"),
    ],
)
def test_it_is_asked_for_only_where_an_account_is_connected(
    api: APIClient, connected: Json, changes: Json, says: str
) -> None:
    answer = connect_again(api, changes)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(says)


def test_a_new_instance_takes_any_account(api: APIClient, body: Callable[..., Json]) -> None:
    answer = api.post(f"{API}/instances", body(allowOtherAccount=True), format="json")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("allowOtherAccount: a new instance takes any")
