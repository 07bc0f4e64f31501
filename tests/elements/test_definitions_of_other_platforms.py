"""Definitions as other platforms export them: what changes nothing is taken."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.elements.conftest import API

EXPORTED: dict[str, Any] = {
    "id": 5102,
    "name": "Addresses",
    "key": "addresses",
    "hub": "crm",
    "protocolType": "http",
    "authentication": {"id": 3, "type": "apiKey"},
    "private": True,
    "displayOrder": 4,
    "hooks": [],
    "parameters": [],
    "defaultTransformations": [],
    "configuration": [
        {
            "id": 9,
            "key": "base.url",
            "type": "TEXTFIELD_1000",
            "defaultValue": "https://addresses.example.com",
            "resellerConfig": False,
            "companyConfig": False,
            "active": True,
            "internal": False,
            "groupControl": False,
        }
    ],
    "resources": [
        {
            "id": 71,
            "kind": "custom",
            "type": "api",
            "path": "/hubs/crm/contacts",
            "vendorPath": "/v2/people",
            "method": "POST",
            "vendorMethod": "POST",
            "model": {"id": 8, "name": "contact"},
            "response": {"contentType": "application/json;charset=UTF-8"},
            "ownerAccountId": 1,
            "hooks": [],
            "nextResource": None,
            "parameters": [
                {
                    "id": 1,
                    "name": "contact",
                    "type": "body",
                    "vendorType": "body",
                    "dataType": "contact",
                    "vendorDataType": "Person",
                    "source": "request",
                    "model": {"id": 8},
                    "converter": None,
                },
                {"name": "since", "type": "query", "dataType": "dateTime"},
                {"name": "count", "type": "query", "dataType": "Long"},
                {"name": "silent", "type": "query", "dataType": "Flags"},
                {"name": "version", "type": "header", "vendorType": "no-op"},
                {"name": "trace", "type": "no-op"},
            ],
        }
    ],
    "objects": [
        {"id": 1, "name": "contacts", "type": "vendor"},
        {
            "name": "Company",
            "kind": "native",
            "fields": [{"name": "founded", "type": "date"}, {"name": "owner", "type": "Person"}],
        },
    ],
}


@pytest.fixture
def made(api: APIClient) -> dict[str, Any]:
    answer = api.post(f"{API}/elements", EXPORTED, format="json")
    assert answer.status_code == 200, answer.content
    element: dict[str, Any] = answer.json()
    return element


def test_the_names_of_models_and_types_are_taken(made: dict[str, Any]) -> None:
    (resource,) = made["resources"]
    assert resource["kind"] == "own"
    assert {one["name"]: one["dataType"] for one in resource["parameters"]} == {
        "contact": "object",
        "since": "string",
        "count": "integer",
        "silent": "string",
    }


def test_an_object_without_an_operation_is_described_and_not_offered(
    made: dict[str, Any], api: APIClient
) -> None:
    company = next(one for one in made["objects"] if one["name"] == "Company")
    assert {one["name"]: one["type"] for one in company["fields"]} == {
        "founded": "string",
        "owner": "object",
    }
    exported = api.get(f"{API}/elements/addresses/export").json()
    assert [one["name"] for one in exported["objects"]] == ["contacts", "Company"]
    again = api.post(f"{API}/elements", {**exported, "key": "again"}, format="json")
    assert again.status_code == 200, again.content
    assert again.json()["objects"] == made["objects"]


def test_a_paging_parameter_that_is_not_sent_is_none(api: APIClient) -> None:
    listing = {
        "path": "/hubs/crm/contacts",
        "vendorPath": "/v2/people",
        "method": "GET",
        "paginationType": "none",
        "parameters": [{"name": "pageSize", "type": "query", "vendorType": "no-op"}],
    }
    definition = {**EXPORTED, "resources": [listing]}
    answer = api.post(f"{API}/elements", definition, format="json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["resources"][0]["parameters"] == []
