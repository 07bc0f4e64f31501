"""/elements/{key}/docs: each element described in Swagger 2.0."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft4Validator
from rest_framework.test import APIClient
from schemathesis.specs.openapi.definitions import SWAGGER_20

from elements import catalogue, docs
from elements.types import ApiKey, Element, Field, Operation, Parameter, Place, Resource, Setting
from tests.elements.conftest import API


def faults(document: dict[str, Any]) -> list[str]:
    """What is wrong by the specification's own JSON schema, and what that cannot say."""
    found = [error.message for error in Draft4Validator(SWAGGER_20).iter_errors(document)]
    names = set(document["definitions"])
    found += [
        f"{name} is not defined"
        for name in re.findall(r"#/definitions/([^']+)'", repr(document))
        if name not in names
    ]
    ids = []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            ids.append(operation["operationId"])
            inside = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            if inside != set(re.findall(r"{(\w+)}", path)):
                found.append(f"{path}: its parameters are not those of the path")
            if sum(one["in"] == "body" for one in operation["parameters"]) > 1:
                found.append(f"{path}: has two bodies")
    if len(ids) != len(set(ids)):
        found.append("an operationId is given twice")
    return found


def test_the_validator_finds_faults() -> None:
    document = docs.of(catalogue.find("gmail"))
    document["paths"]["/profile"]["get"]["parameters"] = [{"name": "x", "in": "nowhere"}]
    assert faults(document) != []


def test_gmails_is_valid() -> None:
    answer = APIClient().get(f"{API}/elements/gmail/docs?version=-1")
    document = answer.json()
    assert faults(document) == []
    assert {"swagger", "info", "host", "basePath", "tags", "paths", "definitions"} <= set(document)
    assert document["host"] == "testserver"
    assert document["basePath"] == "/elements/api-v2/hubs/general"
    names = {one["name"] for one in document["paths"]["/messages"]["get"]["parameters"]}
    assert {"where", "pageSize", "page", "nextPage"} <= names


def test_a_private_elements_is_valid(api: APIClient, made: dict[str, Any]) -> None:
    document = api.get(f"{API}/elements/{made['id']}/docs").json()
    assert faults(document) == []
    assert document["definitions"]["entries"] == {
        "type": "object",
        "required": ["amount"],
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "amount": {"type": "number"},
            "sum": {"type": "object", "properties": {"amount": {"type": "number"}}},
            "tags": {"type": "array", "items": {}},
        },
    }
    (body,) = document["paths"]["/entries"]["post"]["parameters"]
    assert (body["in"], body["schema"]) == ("body", {"$ref": "#/definitions/entries"})


def test_awkward_elements_are_valid() -> None:
    places = [Place.QUERY, Place.HEADER, Place.BODY, Place.BODY_FIELD, Place.VALUE]
    parameters = tuple(
        Parameter("one", place=place, data_type=kind, required=True)
        for place in places
        for kind in ("array", "string")
    )
    element = Element(
        id=1,
        key="own",
        name="Own",
        hub="general",
        description="",
        base_url=Setting("", "https://api.example.com"),
        authentication=ApiKey(),
        configuration=(),
        resources=(
            Resource(
                "Error",
                (
                    Operation("GET", "/Error", "/x", listing=True, parameters=parameters),
                    Operation("POST", "/Error/{a}/b", "/x", parameters=parameters[:5]),
                    Operation("POST", "/Error/{a_b}", "/x"),
                    Operation("POST", "/Error/{a}-b", "/x"),
                ),
                fields=(Field("a", "array"), Field("a.b"), Field("a.b.c", "object")),
            ),
            Resource("a~b", (Operation("DELETE", "/a~b", "/x"),)),
        ),
    )
    document = docs.of(element)
    assert [fault for fault in faults(document) if "two bodies" not in fault] == []


def test_one_resource_has_its_own() -> None:
    gmail = catalogue.find("gmail")
    document = docs.of(gmail, gmail.resource("profile"), host="127.0.0.1:8000")
    assert faults(document) == []
    assert list(document["paths"]) == ["/profile"]
