"""Who may call: valid pairs pass, everything else is one and the same 401."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.provision import (
    NewOrganization,
    create_organization,
    rotate_organization_secret,
    rotate_user_secret,
)
from tests.api.conftest import API, Connected, connect

WRONG = "wrong-secret"


def header(
    user: str | None = None, organization: str | None = None, element: str | None = None
) -> str:
    pairs = {"User": user, "Organization": organization, "Element": element}
    return ", ".join(f"{scheme} {secret}" for scheme, secret in pairs.items() if secret)


def status(api: APIClient, address: str, authorization: str) -> int:
    response = api.get(f"{API}/{address}", HTTP_AUTHORIZATION=authorization)
    if response.status_code == 401:
        assert response.json() == {
            "requestId": response["Elements-Request-Id"],
            "message": ("Invalid Organization or User secret, or invalid Element token provided."),
        }
        assert response["WWW-Authenticate"].startswith("User ")
    return response.status_code


def test_user_and_organization_are_the_callers(api: APIClient, acme: NewOrganization) -> None:
    response = api.get(
        f"{API}/platform",
        HTTP_AUTHORIZATION=header(acme.user_secret, acme.organization_secret),
    )
    assert response.json() == {
        "user": acme.user.pk,
        "organization": acme.organization.pk,
        "instance": None,
    }


def test_user_and_element_are_enough_for_a_hub(
    api: APIClient, connected: Connected, acme: NewOrganization
) -> None:
    response = api.get(
        f"{API}/hub", HTTP_AUTHORIZATION=header(acme.user_secret, element=connected.token)
    )
    assert response.json() == {
        "user": acme.user.pk,
        "organization": acme.organization.pk,
        "instance": connected.instance.pk,
    }


@pytest.mark.parametrize(
    ("given", "platform", "hub", "either"),
    [
        ("", 401, 401, 401),
        ("U", 401, 401, 401),
        ("O", 401, 401, 401),
        ("E", 401, 401, 401),
        ("UO", 200, 401, 200),
        ("UE", 401, 200, 200),
        ("OE", 401, 401, 401),
        ("UOE", 200, 200, 200),
    ],
)
def test_what_each_kind_of_call_needs(
    api: APIClient,
    acme: NewOrganization,
    connected: Connected,
    given: str,
    platform: int,
    hub: int,
    either: int,
) -> None:
    authorization = header(
        acme.user_secret if "U" in given else None,
        acme.organization_secret if "O" in given else None,
        connected.token if "E" in given else None,
    )
    assert status(api, "platform", authorization) == platform
    assert status(api, "hub", authorization) == hub
    assert status(api, "either", authorization) == either


@pytest.mark.parametrize("wrong", ["User", "Organization", "Element"])
def test_any_wrong_pair_fails_even_where_it_is_not_needed(
    api: APIClient, acme: NewOrganization, connected: Connected, wrong: str
) -> None:
    secrets = {
        "User": acme.user_secret,
        "Organization": acme.organization_secret,
        "Element": connected.token,
        wrong: WRONG,
    }
    authorization = ", ".join(f"{scheme} {secret}" for scheme, secret in secrets.items())
    for address in ("platform", "hub", "either", "echo"):
        assert status(api, address, authorization) == 401


@pytest.mark.parametrize(
    "authorization",
    ["User", "User a, User b", "Element x, Token x", "User \xff\xfe, Organization \xe9"],
)
def test_a_header_that_cannot_be_read_is_a_401(
    api: APIClient, db: None, authorization: str
) -> None:
    assert status(api, "platform", authorization) == 401


def test_other_schemes_are_as_good_as_nothing(api: APIClient, db: None) -> None:
    assert status(api, "echo", "Bearer abc, Basic eDp5") == 200
    assert status(api, "platform", "Bearer abc") == 401


def test_secrets_of_two_organizations_do_not_mix(
    api: APIClient, acme: NewOrganization, connected: Connected
) -> None:
    other = create_organization("Other", "other@example.com")
    foreign = connect(other)
    for authorization in (
        header(acme.user_secret, other.organization_secret),
        header(acme.user_secret, acme.organization_secret, foreign.token),
        header(acme.user_secret, None, foreign.token),
        header(None, acme.organization_secret, foreign.token),
    ):
        assert status(api, "either", authorization) == 401


def test_an_inactive_user_and_one_without_organization_are_out(
    api: APIClient, acme: NewOrganization
) -> None:
    authorization = header(acme.user_secret, acme.organization_secret)
    acme.user.is_active = False
    acme.user.save()
    assert status(api, "platform", authorization) == 401
    acme.user.is_active = True
    acme.user.organization = None
    acme.user.save()
    assert status(api, "platform", authorization) == 401


def test_a_rotated_secret_ends_at_once(api: APIClient, acme: NewOrganization) -> None:
    before = header(acme.user_secret, acme.organization_secret)
    user = rotate_user_secret(acme.user)
    assert status(api, "platform", before) == 401
    assert status(api, "platform", header(user, acme.organization_secret)) == 200
    organization = rotate_organization_secret(acme.organization)
    assert status(api, "platform", header(user, acme.organization_secret)) == 401
    assert status(api, "platform", header(user, organization)) == 200


def test_the_token_of_a_deleted_instance_is_a_401(
    api: APIClient, acme: NewOrganization, connected: Connected
) -> None:
    connected.instance.delete()
    assert status(api, "hub", header(acme.user_secret, None, connected.token)) == 401


def test_right_and_wrong_secrets_cost_the_same_queries(
    api: APIClient, acme: NewOrganization, connected: Connected
) -> None:
    right = (acme.user_secret, acme.organization_secret, connected.token)
    counts = set()
    for wrong in (None, 0, 1, 2):
        tried = [WRONG if place == wrong else secret for place, secret in enumerate(right)]
        with CaptureQueriesContext(connection) as queries:
            status(api, "either", header(*tried))
        counts.add(len(queries))
    assert counts == {1}
