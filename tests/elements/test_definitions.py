"""An element's JSON: what is read from it is written back alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elements import catalogue, definition
from elements.types import LINK, Element, PagingKind, Place
from tests.elements.ledger import ledger

TENANTS = st.sampled_from(["${tenant}", "${+tenant}"])
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TYPES = ("string", "integer", "number", "boolean", "array", "object")


def read(written: Any) -> Element:
    return definition.element(written, id=1, key="ledger", active=True, organization_id=1)


# --- Round trip ----------------------------------------------------------------------------------

words = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
vendor_names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)


@st.composite
def parameters(draw: Callable[..., Any], path_names: list[str]) -> list[dict[str, Any]]:
    found = [
        {"name": name, "type": "path", "description": draw(texts)}
        for name in path_names
        if draw(st.booleans())
    ]
    for name in draw(st.lists(words, max_size=3, unique=True)):
        place = draw(st.sampled_from(["query", "header", "bodyField", "configuration", "value"]))
        header = place == "header"
        found.append(
            {
                "name": f"x-{name}" if header else f"p.{name}",
                "type": place,
                "vendorName": f"x-{draw(vendor_names)}",
                "vendorType": draw(st.sampled_from(["query", "header", "bodyField"])),
                "dataType": draw(st.sampled_from(TYPES)),
                "required": draw(st.booleans()),
                "description": draw(texts),
            }
        )
    return found


@st.composite
def operations(draw: Callable[..., Any], name: str, most_units: int) -> list[dict[str, Any]]:
    found = []
    places = draw(st.lists(st.sampled_from(["", "/{id}", "/{id}/done", "/{a}/x/{b}"]), unique=True))
    for place in places or [""]:
        for method in draw(st.lists(st.sampled_from(METHODS), min_size=1, unique=True)):
            names = [one.strip("{}") for one in place.split("/") if one.startswith("{")]
            entry: dict[str, Any] = {
                "path": f"/hubs/{draw(words)}/{name}{place}",
                "vendorPath": f"/v1/{draw(TENANTS)}/{name}{place}",
                "method": method,
                "vendorMethod": draw(st.sampled_from(METHODS)),
                "description": draw(texts),
                "rootKey": draw(st.sampled_from(["", "data", "data.items"])),
                "parameters": draw(parameters(names)),
                "units": draw(st.none() | st.integers(0, most_units)),
            }
            if method == "GET" and not names and draw(st.booleans()):
                kind = draw(st.sampled_from([*PagingKind]))
                own = {"cursor": "nextPage", "page": "page", "offset": "offset"}[kind]
                entry |= {"paginationType": kind, "firstPage": draw(st.integers(0, 1))}
                keys = ["next", LINK] if kind == "cursor" else ["", LINK]
                entry |= {"nextPageKey": draw(st.sampled_from(keys))}
                entry |= {"maxPageSize": draw(st.integers(1, 10_000))}
                entry["parameters"] += [
                    {"name": "pageSize", "type": "query", "vendorName": draw(vendor_names)},
                    {"name": own, "type": "query", "vendorName": draw(vendor_names)},
                ]
            found.append(entry)
    listing = next((one for one in found if _may_have_a_cursor(one, name)), None)
    if listing is not None and any(
        one["method"] == "GET" and one["path"].endswith(f"/{name}/{{id}}") for one in found
    ):
        listing["changeCursor"] = draw(st.none() | cursors)
    return found


def _may_have_a_cursor(entry: dict[str, Any], name: str) -> bool:
    is_listing = entry["method"] == "GET" and entry["path"].endswith(f"/{name}")
    return bool(is_listing and entry.get("paginationType", "none") == "none")


cursors = st.fixed_dictionaries(
    {"nextCursorKey": words},
    optional={
        "parameter": words,
        "vendorPath": st.sampled_from(["", "/v1/${+tenant}/delta"]),
        "expiredStatuses": st.lists(st.sampled_from([400, 404, 410, 412]), unique=True),
        "expiredCodes": st.lists(words, max_size=2, unique=True),
        "deletedKey": words,
        "versionKey": words,
    },
)


limits = st.fixed_dictionaries(
    {}, optional={"minute": st.integers(8, 10**11), "day": st.integers(8, 10**11)}
)
quotas = st.fixed_dictionaries(
    {"account": limits, "project": limits},
    optional={"dayZone": st.sampled_from(["UTC", "America/Los_Angeles"])},
).filter(lambda one: one["account"] or one["project"])


@st.composite
def definitions(draw: Callable[..., Any]) -> dict[str, Any]:
    quota = draw(st.none() | quotas)
    names = [f"r-{one}" for one in draw(st.lists(words, max_size=3, unique=True))]
    authentication = draw(
        st.sampled_from(
            [
                {"type": "basic"},
                {"type": "apiKey", "header": "X-Key", "prefix": "Key "},
                {"type": "oauth2", "pkce": False, "parameters": {"prompt": "consent"}},
            ]
        )
    )
    configuration: list[dict[str, Any]] = [
        {"key": "oauth.authorization.url", "defaultValue": "https://a.example/authorize"},
        {"key": "oauth.token.url", "defaultValue": "https://${tenant}.example/token"},
        {"key": "oauth.scope", "defaultValue": "read write"},
        {"key": "base.url", "defaultValue": draw(st.sampled_from([None, "https://a.example/v"]))},
    ]
    configuration += [
        {
            "key": f"own.{one}",
            "name": draw(texts),
            "type": draw(st.sampled_from(["PASSWORD", "TEXTAREA", "TEXTFIELD_32"])),
            "defaultValue": draw(st.none() | texts | st.integers() | st.booleans()),
            "required": draw(st.booleans()),
            "displayOrder": draw(st.none() | st.integers(0, 200)),
        }
        for one in draw(st.lists(words, max_size=3, unique=True))
    ]
    return {
        "name": draw(words),
        "hub": draw(words),
        "description": draw(texts),
        "authentication": authentication,
        "guide": draw(
            st.none()
            | st.fixed_dictionaries(
                {"steps": st.lists(words, min_size=1, max_size=3)},
                optional={"url": st.just("https://a.example/keys")},
            )
        ),
        "quota": quota,
        "configuration": configuration,
        "resources": [
            entry for name in names for entry in draw(operations(name, 2 if quota else 0))
        ],
        "objects": [
            {
                "name": name,
                "idField": draw(st.sampled_from(["id", "user.id"])),
                "aliases": [f"{name}-too"],
                "fields": [{"name": one, "type": draw(st.sampled_from(TYPES))} for one in "ab"],
            }
            for name in names
            if draw(st.booleans())
        ],
    }


@settings(deadline=None, max_examples=25)
@given(definitions())
def test_what_is_written_is_read_as_the_same(written: dict[str, Any]) -> None:
    element = read(written)
    again = definition.to_json(element)
    for one, other in zip(read(again).resources, element.resources, strict=True):
        assert one == other
    assert read(json.loads(json.dumps(again))) == element
    assert definition.to_json(read(again)) == again


@pytest.mark.parametrize("key", ["gmail", "github"])
def test_a_built_in_element_is_read_back_as_it_is(key: str) -> None:
    element = catalogue.find(key)
    again = read(json.loads(json.dumps(definition.to_json(element))))
    assert again.extends == key
    assert again.resources == element.resources
    assert again.configuration == element.configuration
    assert again.authentication == element.authentication
    assert again.default_poller == element.default_poller
    assert (again.webhook, again.watch) == (element.webhook, element.watch)
    assert again.guide == element.guide
    assert again.quota == element.quota
    own = definition.to_json(again, own_only=True)
    assert (own["configuration"], own["resources"], own["objects"]) == ([], [], [])
    assert "guide" not in own
    assert "quota" not in own


def test_one_that_extends_takes_its_own_parts_first() -> None:
    element = read(
        {
            "name": "Mine",
            "extends": "gmail",
            "configuration": [
                {"key": "base.url", "defaultValue": "https://mail.example.com"},
                {"key": "oauth.scope", "defaultValue": "https://mail.google.com/"},
            ],
            "resources": [
                {"method": "GET", "path": "/profile", "vendorPath": "/me", "listing": False},
                {"method": "GET", "path": "/notes", "vendorPath": "/notes"},
            ],
        }
    )
    gmail = catalogue.find("gmail")
    assert element.base_url.default == "https://mail.example.com"
    assert element.authentication.scopes == ("https://mail.google.com/",)  # type: ignore[union-attr]
    profile = element.match("GET", "/profile")
    assert profile is not None
    assert profile.operation.vendor_path == "/me"
    assert element.match("GET", "/notes") is not None
    assert element.resource("changed-messages") == gmail.resource("changed-messages")
    again = definition.to_json(element, own_only=True)
    assert [one["path"] for one in again["resources"]] == [
        "/hubs/general/profile",
        "/hubs/general/notes",
    ]
    assert read(again) == element


POST = {"method": "POST", "path": "/hubs/x/things", "vendorPath": "/things"}


def test_a_body_goes_on_where_no_parameter_is_declared() -> None:
    element = read(ledger(resources=[POST], objects=[]))
    assert [one.place for one in element.resources[0].operations[0].parameters] == [Place.BODY]
    element = read(ledger(resources=[{**POST, "parameters": []}], objects=[]))
    assert element.resources[0].operations[0].parameters == ()


def test_what_is_secret_everywhere_is_secret_however_it_is_written() -> None:
    element = read(ledger(configuration=[{"key": "api.key", "type": "TEXTFIELD_100"}]))
    assert {field.key: field.type for field in element.configuration}["api.key"] == "PASSWORD"


def test_a_webhook_of_its_own_is_registered_by_a_person() -> None:
    github = catalogue.find("github")
    extending = {"name": "Mine", "extends": "github"}
    own = {"signature": {"header": "X-Own"}, "objectType": "value:things"}

    assert github.watch is not None
    assert read(extending).watch is github.watch
    assert read({**extending, "webhook": own}).watch is None
