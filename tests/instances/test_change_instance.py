"""PATCH, PUT and DELETE of an instance, by id and by token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from instances import configuration
from instances.models import ElementInstance
from instances.signals import instance_saved

API = "/elements/api-v2"
Json = dict[str, Any]
ClientFor = Callable[..., APIClient]


@pytest.fixture(params=["by id", "by element", "by token"])
def address(
    request: pytest.FixtureRequest,
    connected: Json,
    organization: NewOrganization,
    client_for: ClientFor,
) -> tuple[APIClient, str]:
    """A client and the path at which it reaches the connected instance."""
    if request.param == "by token":
        return client_for(organization, connected["token"]), f"{API}/instances"
    prefix = "/elements/gmail" if request.param == "by element" else ""
    return client_for(organization), f"{API}{prefix}/instances/{connected['id']}"


def test_patch_merges_the_configuration(address: tuple[APIClient, str], connected: Json) -> None:
    api, path = address
    change = {"name": "<b>Inbox</b> & more", "configuration": {"a.key": 5}}

    answer = api.patch(path, change, format="json")

    assert answer.status_code == 200, answer.content
    changed = answer.json()
    assert changed["name"] == "Inbox & more"
    assert changed["configuration"]["a.key"] == "5"
    assert changed["configuration"]["oauth.callback.url"] == "http://127.0.0.1/callback"
    assert (changed["id"], changed["token"]) == (connected["id"], connected["token"])
    assert changed["tags"] == connected["tags"]


def test_put_replaces_the_configuration(address: tuple[APIClient, str], connected: Json) -> None:
    api, path = address
    api.patch(path, {"configuration": {"a.key": 5}}, format="json")

    changed = api.put(
        path,
        {"name": "New", "tags": ["x"], "configuration": connected["configuration"]},
        format="json",
    ).json()

    assert "a.key" not in changed["configuration"]
    assert (changed["name"], changed["tags"]) == ("New", ["x"])


def test_delete_ends_the_token_at_once(
    address: tuple[APIClient, str],
    connected: Json,
    organization: NewOrganization,
    client_for: ClientFor,
) -> None:
    api, path = address

    answer = api.delete(path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert not ElementInstance.objects.exists()
    by_token = client_for(organization, connected["token"])
    assert by_token.get(f"{API}/hubs/general/profile").status_code == 401
    assert client_for(organization).get(f"{API}/instances/{connected['id']}").status_code == 404


def test_masked_secrets_written_back_stay(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}"
    shown = api.get(path).json()["configuration"]
    assert shown["oauth.api.key"] == "********"
    assert shown["oauth.api.secret"] == "********"
    assert shown["oauth.user.token"] == "********"
    assert shown["oauth.user.refresh_token"] == "********"

    assert api.patch(path, {"configuration": shown}, format="json").status_code == 200
    assert api.put(path, {"configuration": shown}, format="json").status_code == 200

    stored = configuration.stored(ElementInstance.objects.get())
    assert stored["oauth.api.key"] == "sandbox-client"
    assert stored["oauth.api.secret"] == "sandbox-secret"
    assert not configuration.CREDENTIAL_KEYS & set(stored)


def test_secrets_are_not_in_the_database_in_clear(api: APIClient, connected: Json) -> None:
    change = {"configuration": {"my.password": "open sesame", "event.notification.enabled": True}}
    api.patch(f"{API}/instances/{connected['id']}", change, format="json")

    row = ElementInstance.objects.values().get()

    for secret in ("sandbox-secret", "sandbox-client", "open sesame", connected["token"]):
        assert secret not in str(row)


def test_put_without_required_keys_changes_nothing(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}"

    answer = api.put(path, {"name": "New", "configuration": {"a.key": 1}}, format="json")

    assert answer.status_code == 400
    assert "oauth.api.secret" in answer.json()["message"]
    assert api.get(path).json()["name"] == "Mailbox"


def test_null_removes_a_key(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}"
    api.patch(path, {"configuration": {"a.key": 5}}, format="json")

    changed = api.patch(path, {"configuration": {"a.key": None}}, format="json").json()

    assert "a.key" not in changed["configuration"]


def test_tags_replace_the_whole_list(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}"
    tags = ['<a href="x">hello</a>', "R&D", "", "R&D"]
    changed = api.patch(path, {"tags": tags}, format="json").json()
    assert changed["tags"] == ["hello", "R&D"]


def test_events_can_be_turned_on_later(api: APIClient, connected: Json) -> None:
    saved: list[dict[str, Any]] = []

    def note(**kwargs: Any) -> None:
        saved.append(kwargs)

    instance_saved.connect(note)
    try:
        changed = api.patch(
            f"{API}/instances/{connected['id']}",
            {
                "configuration": {
                    "event.notification.enabled": "true",
                    "event.notification.callback.url": "http://127.0.0.1:9/events",
                    "event.poller.refresh_interval": "1",
                }
            },
            format="json",
        ).json()
    finally:
        instance_saved.disconnect(note)

    assert changed["eventsEnabled"] is True
    assert changed["eventsNotificationCallbackUrl"] == "http://127.0.0.1:9/events"
    assert "problem" not in changed
    [told] = saved
    assert told["instance"].events_enabled
    assert told["instance"].refresh_interval == 1
    assert (told["created"], told["reauthenticated"]) == (False, False)


def test_a_receiver_that_fails_undoes_the_change(api: APIClient, connected: Json) -> None:
    def fail(**kwargs: Any) -> None:
        raise ValueError("not now")

    instance_saved.connect(fail)
    try:
        api.raise_request_exception = False
        answer = api.patch(f"{API}/instances/{connected['id']}", {"name": "New"}, format="json")
    finally:
        instance_saved.disconnect(fail)

    assert answer.status_code == 500
    assert "not now" not in answer.content.decode()
    assert ElementInstance.objects.get().name == "Mailbox"


def test_disable_and_enable(
    api: APIClient, connected: Json, organization: NewOrganization, client_for: ClientFor
) -> None:
    path = f"{API}/instances/{connected['id']}/enabled"
    by_token = client_for(organization, connected["token"])

    assert api.delete(path).status_code == 200
    assert api.get(f"{API}/instances/{connected['id']}").json()["disabled"] is True
    assert by_token.get(f"{API}/hubs/general/profile").status_code == 403
    assert by_token.get(f"{API}/objects").status_code == 200

    assert api.put(path).status_code == 200
    assert by_token.get(f"{API}/hubs/general/profile").status_code == 200


def test_an_empty_name_cannot_be_written(api: APIClient, connected: Json) -> None:
    for name in ("", "  ", "<b></b>"):
        answer = api.patch(f"{API}/instances/{connected['id']}", {"name": name}, format="json")
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("name")
    assert ElementInstance.objects.get().name == connected["name"]


def test_another_element_cannot_be_written(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}"
    assert api.patch(path, {"element": {"key": "nothing"}}, format="json").status_code == 404
    assert api.patch(path, {"element": connected["element"]}, format="json").status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("tail", ["", "/configuration", "/enabled"])
def test_other_organizations_see_nothing(
    api: APIClient, connected: Json, client_for: ClientFor, method: str, tail: str
) -> None:
    stranger = client_for(create_organization("Other", "other@example.com"))
    path = f"{API}/instances/{connected['id']}{tail}"

    answer = getattr(stranger, method)(path, {}, format="json")

    assert answer.status_code in {404, 405}
    assert answer.json()["requestId"]
    assert ElementInstance.objects.get().enabled


def test_ids_that_are_none(api: APIClient) -> None:
    for instance_id in ("0", "999999999999999999", "9" * 30, "x", "-1"):
        assert api.get(f"{API}/instances/{instance_id}").status_code in {401, 404}, instance_id


def test_a_configuration_that_grows_too_large_changes_nothing(
    api: APIClient, connected: Json
) -> None:
    path = f"{API}/instances/{connected['id']}"
    part = {f"key{n}": "x" * 60_000 for n in range(4)}
    assert api.patch(path, {"configuration": part}, format="json").status_code == 200
    before = api.get(path).json()

    answer = api.patch(path, {"configuration": {"more": "x" * 60_000}}, format="json")

    assert answer.status_code == 400
    assert "262144 are allowed" in answer.json()["message"]
    assert api.get(path).json() == before
    assert api.patch(path, {"configuration": {"key1": None}}, format="json").status_code == 200
