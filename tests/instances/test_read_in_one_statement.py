"""Who calls and which instance is meant is one statement, which PostgreSQL plans once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from tests.conftest import ClientFor

API = "/elements/api-v2"
BY_ID = "%instances_elementinstance i ON i.id = $%"

pytestmark = pytest.mark.django_db


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", [BY_ID]
        )
        [found] = cursor.fetchone() or [0]
    return int(found)


def statements_of(client: APIClient, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"{API}{path}").status_code == 200
    return len(queries)


def test_an_instance_is_read_along_with_who_calls(
    organization: NewOrganization, client_for: ClientFor, connected: dict[str, Any]
) -> None:
    client = client_for(organization)
    with_token = client_for(organization, connected["token"])

    assert statements_of(client, f"/instances/{connected['id']}") == 1
    assert statements_of(client, f"/instances/{connected['id']}/configuration") == 1
    assert statements_of(with_token, "/instances/configuration") == 1
    assert statements_of(with_token, "/objects") == 1


def test_the_statement_is_planned_once_a_connection(
    organization: NewOrganization, client_for: ClientFor, connected: dict[str, Any]
) -> None:
    client = client_for(organization)
    for _ in range(2):
        client.get(f"{API}/instances/{connected['id']}")
    assert prepared() == 1


def test_behind_a_pooler_nothing_is_prepared(
    organization: NewOrganization, client_for: ClientFor, connected: dict[str, Any]
) -> None:
    client = client_for(organization)
    connection.ensure_connection()
    assert connection.connection is not None
    threshold = connection.connection.prepare_threshold
    before = prepared()
    connection.connection.prepare_threshold = None  # as of a connection to a pooler
    try:
        answer = client.get(f"{API}/instances/{connected['id']}")
    finally:
        connection.connection.prepare_threshold = threshold
    assert answer.json()["id"] == connected["id"]
    assert prepared() == before


def test_a_path_beside_an_element_token_names_its_own_instance(
    organization: NewOrganization, client_for: ClientFor, connected: dict[str, Any], body: Any
) -> None:
    client = client_for(organization, connected["token"])
    other = client_for(organization).post(f"{API}/instances", body(), format="json").json()

    assert client.get(f"{API}/instances/{other['id']}").json()["id"] == other["id"]
    assert client.get(f"{API}/instances/configuration").status_code == 200
