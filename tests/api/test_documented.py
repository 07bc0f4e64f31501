"""/elements/api-v2/openapi.json describes every endpoint, truly and with examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator
from pytest_django import Settings

from api.documentation import document
from api.openapi import Enumerator
from api.schema import documentation_of

DOCUMENT = "/elements/api-v2/openapi.json"


@pytest.fixture(autouse=True)
def _these_endpoints(settings: Settings) -> None:
    """The product's, in place of this folder's own."""
    settings.ROOT_URLCONF = "config.urls"


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def media_of(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each described body: the request's, and that of success."""
    yield from operation.get("requestBody", {}).get("content", {}).values()
    yield from operation["responses"]["200"].get("content", {}).values()


def test_it_is_answered_to_anybody(client: Client) -> None:
    answer = client.get(DOCUMENT)

    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1.")
    assert answer.json()["servers"] == [{"url": "/elements/api-v2"}]


def test_every_method_of_every_endpoint_is_documented() -> None:
    enumerator = Enumerator(None, "config.urls")
    endpoints = enumerator.get_api_endpoints()  # type: ignore[no-untyped-call]  # drf-spectacular's
    undocumented = {
        f"{method} {path}"
        for path, _, method, callback in endpoints
        if documentation_of(getattr(callback.cls, method.lower())) is None
    }

    assert undocumented == set()


def test_every_group_of_endpoints_is_described() -> None:
    described = {tag["name"] for tag in document()["tags"] if tag["description"]}
    assert described == {tag for _, operation in operations() for tag in operation["tags"]}


def descriptions(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("description", "summary") and isinstance(value, str):
                yield value
            elif name != "example":
                yield from descriptions(value)
    elif isinstance(part, list):
        for value in part:
            yield from descriptions(value)


def test_the_browser_shows_descriptions_whole(client: Client) -> None:
    """They are Markdown: what stands in < > is taken for HTML, and is not to be seen."""
    of_an_element = client.get("/elements/api-v2/elements/gmail/docs").json()
    lost = [
        text
        for text in descriptions([document(), of_an_element])
        if re.search(r"<\w", re.sub(r"`[^`]*`", "", text))
    ]
    assert lost == []


def test_the_browser_fills_in_only_what_is_required() -> None:
    """Anything else would narrow the first try, or repeat an Idempotency-Key."""
    filled = {
        f"{name}: {parameter['name']}"
        for name, operation in operations()
        for parameter in operation.get("parameters", [])
        if "example" in parameter and not parameter["required"]
    }
    assert filled == set()


def test_paths_are_clean() -> None:
    unclean = {path for path in document()["paths"] if not re.fullmatch(r"(/[\w.{}-]+)+", path)}

    assert unclean == set()


def test_operations_have_ids_of_their_own() -> None:
    ids = [operation["operationId"] for _, operation in operations()]

    assert len(ids) == len(set(ids))


def test_every_body_has_an_example() -> None:
    missing = [
        name
        for name, operation in operations()
        if any("example" not in media for media in media_of(operation))
    ]

    assert missing == []


def test_every_operation_has_an_example_or_needs_none() -> None:
    """Where neither request nor answer has a body, the parameters of the path have examples."""
    missing = [
        f"{name}: {parameter['name']}"
        for name, operation in operations()
        for parameter in operation["parameters"]
        if parameter["in"] == "path" and "example" not in parameter
    ]

    assert missing == []


def test_examples_have_the_shape_that_is_promised() -> None:
    faults = [
        f"{name}: {error.json_path} {error.message}"
        for name, operation in operations()
        for media in media_of(operation)
        for error in Draft202012Validator(
            {**media["schema"], "components": document()["components"]}
        ).iter_errors(media.get("example"))
    ]

    assert faults == []
