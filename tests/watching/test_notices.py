"""A notice makes the polls of its account due, and nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from elements import catalogue
from instances.models import ElementInstance
from integrations.gmail.push import account_of
from integrations.gmail.sandbox.server import SandboxServer
from polling.models import PollingResource
from tests.events.found import new_instance
from tests.watching.signer import AUDIENCE, SENDER, KeyServer, token
from watching import claim, keep, public_keys
from watching.models import InstanceWatch
from watching.notices import digest_of

pytestmark = pytest.mark.django_db
ADDRESS = "/elements/api-v2/events/gmail"
MAILBOX = "user@example.com"
LATER = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _google(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, endless_minute: None
) -> Iterator[None]:
    monkeypatch.setattr(public_keys, "_known", {})
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    settings.GMAIL_PUSH_AUDIENCE = AUDIENCE
    settings.GMAIL_PUSH_SERVICE_ACCOUNT = SENDER
    with KeyServer().running() as server:
        settings.GOOGLE_JWKS_URL = server.url
        yield


def data(told: Any) -> str:
    return base64.b64encode(json.dumps(told).encode()).decode()


def notice(address: str = MAILBOX) -> dict[str, Any]:
    told = {"emailAddress": address, "historyId": 9876543210}
    return {
        "message": {"data": data(told), "messageId": "2070443601311540"},
        "subscription": "projects/my-project/subscriptions/gmail",
    }


def push(body: Any = None, authorization: str | None = None, path: str = ADDRESS) -> Any:
    sent = notice() if body is None else body
    return APIClient().generic(
        "POST",
        path,
        sent if isinstance(sent, str) else json.dumps(sent),
        "application/json",
        headers={"Authorization": f"Bearer {token()}" if authorization is None else authorization},
    )


def watched(
    owner: NewOrganization, mailbox: str = MAILBOX, *resources: str, **columns: Any
) -> ElementInstance:
    """An instance whose resources are polled in ten minutes."""
    instance = new_instance(owner.organization)
    gmail = catalogue.find("gmail")
    InstanceWatch(
        instance=instance,
        secret="unused",
        configured="",
        account=digest_of(gmail, mailbox, catalogue.address(gmail.base_url)),
        started_at=timezone.now(),
    ).save()
    for name in resources or ("changed-messages",):
        PollingResource.objects.create(
            organization=owner.organization,
            instance=instance,
            name=name,
            interval=900,
            next_poll_at=timezone.now() + LATER,
            **columns,
        )
    return instance


def due() -> set[int]:
    rows = PollingResource.objects.filter(next_poll_at__lte=timezone.now())
    return {*rows.values_list("instance", flat=True)}


def test_all_that_are_of_the_mailbox_are_due_whoever_has_them(
    organization: NewOrganization,
) -> None:
    other = create_organization("Another", "other@example.com")
    ours, theirs = watched(organization), watched(other)
    watched(organization, "another@example.com")

    answer = push(notice("User@Example.COM"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert due() == {ours.pk, theirs.pk}
    assert InstanceWatch.objects.filter(last_heard_at__isnull=False).count() == 2


def test_only_what_the_notice_is_of_is_due(organization: NewOrganization) -> None:
    watched(organization, MAILBOX, "labels", "changed-messages")

    push()

    [row] = PollingResource.objects.filter(next_poll_at__lte=timezone.now())
    assert row.name == "changed-messages"


def test_what_is_off_or_waits_after_a_failure_is_not_made_due(
    organization: NewOrganization,
) -> None:
    watched(organization, active=False)
    watched(organization, failures=2)
    sooner = watched(organization)
    PollingResource.objects.filter(instance=sooner).update(next_poll_at=timezone.now() - LATER)

    push()

    assert due() == {sooner.pk}
    [row] = PollingResource.objects.filter(instance=sooner)
    assert row.next_poll_at < timezone.now() - LATER / 2


def test_a_mailbox_that_nobody_has_is_answered_alike(organization: NewOrganization) -> None:
    known = push()
    watched(organization)
    assert (push().status_code, push().content) == (known.status_code, known.content) == (200, b"")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (lambda: "", 401),
        (lambda: "Bearer x.y.z", 401),
        (lambda: f"Bearer {token(signed_by='second')}", 401),
        (lambda: f"Bearer {token(aud='https://elsewhere.example')}", 403),
        (lambda: f"Bearer {token(email='other@example.com')}", 403),
    ],
)
def test_without_googles_token_nothing_is_looked_at(
    organization: NewOrganization,
    settings: Settings,
    authorization: Callable[[], str],
    status: int,
) -> None:
    settings.THROTTLE_REFUSALS = 3
    watched(organization)

    answers = [push("not even JSON", authorization()) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [status] * 3 + [429]
    assert set(answers[0].json()) == {"message", "requestId"}
    assert due() == set()
    assert push().status_code == 200  # what is proven is not counted


def test_without_settings_push_is_refused_and_says_so(
    organization: NewOrganization, settings: Settings
) -> None:
    settings.GMAIL_PUSH_AUDIENCE = ""
    watched(organization)

    answer = push()

    assert answer.status_code == 403
    assert answer.json()["message"] == (
        "nothing is received here: GMAIL_PUSH_AUDIENCE and GMAIL_PUSH_SERVICE_ACCOUNT are not set"
    )
    assert due() == set()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[",
        [],
        7,
        {},
        {"message": []},
        {"message": {"data": 7}},
        {"message": {"data": "%%%"}},
        {"message": {"data": data([])}},
        {"message": {"data": data({"emailAddress": ["a"]})}},
        {"message": {"data": data({"emailAddress": " "})}},
        {"message": {"data": data({"emailAddress": "x" * 2000})}},
        {"message": {"data": base64.b64encode(b"[" * 5000).decode()}},
    ],
)
def test_a_body_that_names_no_mailbox_is_a_bad_request(body: Any) -> None:
    answer = push(body)
    assert (answer.status_code, bool(answer.json()["message"])) == (400, True)


def test_both_alphabets_of_base64_are_read() -> None:
    told = json.dumps({"emailAddress": "ÿÿÿ>>>???@example.com"}, ensure_ascii=False).encode()
    for encoded in (base64.b64encode(told), base64.urlsafe_b64encode(told).rstrip(b"=")):
        body = {"message": {"data": encoded.decode()}}
        assert account_of(body) == "ÿÿÿ>>>???@example.com"


@pytest.mark.parametrize("at_the_providers_own_host", [True, False])
def test_an_element_with_an_address_of_its_own_hears_of_nobodys_mailbox(
    organization: NewOrganization,
    client_for: Callable[[NewOrganization], APIClient],
    sandbox: SandboxServer,
    settings: Settings,
    at_the_providers_own_host: bool,
) -> None:
    """It may call any account its own, also one that another organization has at the provider."""
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    settings.PUBLIC_URL = "https://periodic.example"
    theirs = watched(organization, MAILBOX)
    with SandboxServer() as elsewhere:
        provider = sandbox if at_the_providers_own_host else elsewhere
        instance = connected_at(
            provider, client_for(create_organization("Another", "other@example.com"))
        )
        for row in claim.claim_due(1, timezone.now()):
            keep.keep(row)
        watch = InstanceWatch.objects.get(instance=instance)
        assert (watch.started_at is not None, watch.error) == (True, "")
        PollingResource.objects.update(next_poll_at=timezone.now() + LATER)

        assert push(notice(MAILBOX)).status_code == 200

    hearing = {theirs.pk, instance} if at_the_providers_own_host else {theirs.pk}
    assert due() == hearing


def connected_at(provider: SandboxServer, api: APIClient) -> int:
    """Connect the sandbox's mailbox with an element that extends gmail; return the instance."""
    addresses = {
        "base.url": provider.url,
        "oauth.authorization.url": f"{provider.url}/o/oauth2/v2/auth",
        "oauth.token.url": f"{provider.url}/token",
        "oauth.token.refresh_url": f"{provider.url}/token",
        "oauth.token.revoke_url": f"{provider.url}/revoke",
    }
    element = {
        "name": "Our mail",
        "extends": "gmail",
        "configuration": [
            {"key": key, "name": key, "type": "TEXTFIELD_1000", "defaultValue": url}
            for key, url in addresses.items()
        ],
    }
    made = api.post("/elements/api-v2/elements", element, format="json")
    assert made.status_code == 200, made.content
    tokens = provider.control.sign_in()
    instance = {
        "name": "Mailbox",
        "element": {"key": made.json()["key"]},
        "externalAuthentication": "initial",
        "configuration": {
            "oauth.api.key": "sandbox-client",
            "oauth.api.secret": "sandbox-secret",
            "oauth.callback.url": "http://127.0.0.1/callback",
            "oauth.user.refresh_token": tokens["refresh_token"],
            "event.notification.enabled": True,
            "event.vendor.push.topic": "projects/my-project/topics/gmail",
        },
    }
    answer = api.post("/elements/api-v2/instances", instance, format="json")
    assert answer.status_code == 200, answer.content
    return int(answer.json()["id"])


def test_an_instance_has_no_address_of_its_own_for_it(organization: NewOrganization) -> None:
    instance = watched(organization)
    answer = push(path=f"{ADDRESS}/{instance.pk}")
    assert answer.status_code == 404
    assert due() == set()
