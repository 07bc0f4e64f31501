"""The configuration rows of an instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from instances import configuration
from instances.models import ElementInstance

API = "/elements/api-v2"
Json = dict[str, Any]


def rows_by_key(api: APIClient, path: str) -> dict[str, Json]:
    answer = api.get(path)
    assert answer.status_code == 200
    assert answer["Elements-Total-Count"] == str(len(answer.json()))
    return {row["key"]: row for row in answer.json()}


def test_rows_by_id_and_by_token(
    api: APIClient,
    connected: Json,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> None:
    by_id = rows_by_key(api, f"{API}/instances/{connected['id']}/configuration")
    by_token = rows_by_key(
        client_for(organization, connected["token"]), f"{API}/instances/configuration"
    )

    assert by_id == by_token
    assert by_id["event.notification.enabled"]["propertyValue"] == "false"
    assert by_id["oauth.api.secret"]["propertyValue"] == "********"
    assert by_id["event.notification.callback.url"]["propertyValue"] is None
    assert all(0 < row["id"] < 2**48 for row in by_id.values())
    assert len({row["id"] for row in by_id.values()}) == len(by_id)


def test_one_row_is_changed(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}/configuration"
    row = rows_by_key(api, path)["event.notification.enabled"]

    changed = api.patch(f"{path}/{row['id']}", {"propertyValue": True}, format="json")

    assert changed.status_code == 200
    assert changed.json() == {**row, "propertyValue": "true"}
    assert api.get(f"{path}/{row['id']}").json()["propertyValue"] == "true"
    assert api.get(f"{API}/instances/{connected['id']}").json()["eventsEnabled"] is True


def test_a_whole_row_written_back_leaves_a_secret(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}/configuration"
    row = rows_by_key(api, path)["oauth.api.secret"]

    assert api.patch(f"{path}/{row['id']}", row, format="json").json() == row

    stored = configuration.stored(ElementInstance.objects.get())
    assert stored["oauth.api.secret"] == "sandbox-secret"


def test_faults_of_a_row(api: APIClient, connected: Json) -> None:
    path = f"{API}/instances/{connected['id']}/configuration"
    rows = rows_by_key(api, path)
    interval = rows["event.poller.refresh_interval"]
    secret = rows["oauth.api.secret"]

    bad = api.patch(f"{path}/{interval['id']}", {"propertyValue": 0}, format="json")
    gone = api.patch(f"{path}/{secret['id']}", {"propertyValue": ""}, format="json")

    assert bad.status_code == 400
    assert "event.poller.refresh_interval" in bad.json()["message"]
    assert gone.status_code == 400
    assert api.get(f"{path}/1").status_code == 404
    assert api.patch(f"{path}/{secret['id']}", [], format="json").status_code == 400
