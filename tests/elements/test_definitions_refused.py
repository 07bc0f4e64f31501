"""What cannot stand in an element's JSON is refused, and its place named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elements import definition
from elements.errors import ConfigurationError
from elements.types import Element
from tests.elements.ledger import ledger

FIRST = "resources[0].parameters[0]"


def read(written: Any) -> Element:
    return definition.element(written, id=1, key="ledger", active=True, organization_id=1)


ENTRY: dict[str, Any] = {"method": "GET", "path": "/hubs/x/things", "vendorPath": "/things"}
CURSOR = {"paginationType": "cursor", "nextPageKey": "next"}


def with_resource(**more: Any) -> dict[str, Any]:
    return ledger(resources=[{**ENTRY, **more}], objects=[])


def with_parameter(**parameter: Any) -> dict[str, Any]:
    return with_resource(parameters=[parameter])


def with_field(**field: Any) -> dict[str, Any]:
    return ledger(configuration=[field])


def many(resources: int, *, own: int = 0, shared: int = 0) -> dict[str, Any]:
    def parameters(number: int) -> list[dict[str, Any]]:
        return [{"name": f"p{place}", "type": "query"} for place in range(number)]

    paths = [f"/hubs/x/things{number}" for number in range(resources)]
    entries = [{**ENTRY, "path": path, "parameters": parameters(own)} for path in paths]
    return ledger(resources=entries, parameters=parameters(shared), objects=[])


def with_cursor(**more: Any) -> dict[str, Any]:
    """A listing with a change cursor."""
    cursor = {"nextCursorKey": "sync", "parameter": "since", **more}
    return ledger(
        resources=[{**ENTRY, "changeCursor": cursor}, {**ENTRY, "path": "/hubs/x/things/{id}"}],
        objects=[],
    )


FAULTS: list[tuple[Any, str]] = [
    (with_cursor(nextCursorKey=""), "resources[0].changeCursor.nextCursorKey"),
    (with_cursor(expiredStatuses=[429]), "resources[0].changeCursor.expiredStatuses[0]"),
    (with_cursor(expiredStatuses=["410"]), "resources[0].changeCursor.expiredStatuses[0]"),
    (with_cursor(deletedValues=["gone"]), "resources[0].changeCursor.deletedKey"),
    (with_cursor(readsRecords=True), "resources[0].changeCursor.versionKey"),
    (with_cursor(vendorPath="things"), "resources[0].changeCursor.vendorPath"),
    (with_cursor(vendorPath="/things/{a}"), "resources[0].changeCursor.vendorPath"),
    (with_resource(changeCursor={"nextCursorKey": "sync"}), "resources"),
    (
        with_resource(
            paginationType="page",
            parameters=[{"name": "page", "type": "query"}],
            changeCursor={"nextCursorKey": "sync"},
        ),
        "resources[0].changeCursor.nextCursorKey",
    ),
    (with_resource(listing=False, changeCursor={"nextCursorKey": "sync"}),
     "resources[0].changeCursor"),
    (None, "the body"),
    (ledger(guide={"url": "https://a.example/"}), "guide.steps"),
    (ledger(guide={"steps": ["Go"], "url": "javascript:alert(1)"}), "guide.url"),
    (ledger(guide={"steps": ["x"] * 21}), "guide.steps"),
    (ledger(guide={"steps": [""]}), "guide.steps[0]"),
    (ledger(quota={"dayZone": "UTC"}), "quota.account"),
    (ledger(quota={"account": {"minute": 3}}), "quota.account.minute"),
    (ledger(quota={"account": {"day": "many"}}), "quota.account.day"),
    (ledger(quota={"account": {"minute": -60}}), "quota.account.minute"),
    (ledger(quota={"project": 60}), "quota.project"),
    (ledger(quota={"project": {"minute": 60}, "dayZone": "../UTC"}), "quota.dayZone"),
    (ledger(quota={"project": {"minute": 60}, "dayZone": "-08:00"}), "quota.dayZone"),
    ({"name": "X", "extends": "github", "quota": {"account": {"minute": 9}}}, "quota"),
    ({"name": "X", "extends": "gmail", "quota": {"account": {"minute": 9}}}, "quota"),
    ([], "the body"),
    ("text", "the body"),
    (ledger(name=None), "name"),
    (ledger(name=7), "name"),
    (ledger(name="x" * 201), "name"),
    (ledger(hub="a/b"), "hub"),
    (ledger(description="x" * 4001), "description"),
    (many(101, shared=100), "resources"),
    (many(101, own=100), "resources"),
    (ledger(hooks=[{"type": "preRequest", "body": "x"}]), "hooks"),
    (ledger(protocolType="soap"), "protocolType"),
    (ledger(extends="nothing"), "extends"),
    (ledger(extends="gmail"), "authentication.type"),
    (ledger(authentication=None), "authentication"),
    (ledger(authentication="basic"), "authentication"),
    (ledger(authentication={"type": "oauth1"}), "authentication.type"),
    (ledger(authentication={"type": "custom"}), "authentication.type"),
    (ledger(authentication={"type": "apiKey", "header": "a b"}), "authentication.header"),
    (ledger(authentication={"type": "apiKey", "header": "Host"}), "authentication.header"),
    (ledger(authentication={"type": "apiKey", "prefix": "a\r\nb"}), "authentication.prefix"),
    (ledger(authentication={"type": "oauth2"}), "configuration.oauth.authorization.url"),
    (ledger(configuration={}), "configuration"),
    (ledger(configuration=["text"]), "configuration[0]"),
    (ledger(configuration=[{"key": "k"}] * 201), "configuration"),
    (ledger(configuration=[{"key": "k"}, {"key": "k"}]), "configuration[1].key"),
    (with_field(key="bulk.x"), "configuration[0].key"),
    (with_field(key="event.x"), "configuration[0].key"),
    (with_field(key=""), "configuration[0].key"),
    (with_field(key="k", type="NUMBER"), "configuration[0].type"),
    (with_field(key="k", type="BOOLEAN", defaultValue="x"), "configuration[0].defaultValue"),
    (with_field(key="k", choices=["a"], defaultValue="b"), "configuration[0].defaultValue"),
    (with_field(key="k", choices=[1]), "configuration[0].choices[0]"),
    (with_field(key="k", defaultValue="x" * 65_537), "configuration[0].defaultValue"),
    (with_field(key="k", required="perhaps"), "configuration[0].required"),
    (with_field(key="k", displayOrder=-1), "configuration[0].displayOrder"),
    (with_field(key="base.url", defaultValue="nonsense"), "configuration.base.url.defaultValue"),
    (with_field(key="base.url", defaultValue="file:///etc"), "configuration.base.url.defaultValue"),
    (with_field(key="pagination.max", defaultValue="0"), "pagination.max"),
    (ledger(resources={}), "resources"),
    (ledger(resources=[ENTRY] * 501), "resources"),
    (ledger(resources=[ENTRY, ENTRY], objects=[]), "resources[1].path"),
    (with_resource(units=1), "resources[0].units"),
    ({**with_resource(units=16), "quota": {"account": {"minute": 60}}}, "resources[0].units"),
    ({**with_resource(units=-1), "quota": {"account": {"minute": 60}}}, "resources[0].units"),
    (with_resource(path=None), "resources[0].path"),
    (with_resource(path="things"), "resources[0].path"),
    (with_resource(path="/hubs/x"), "resources[0].path"),
    (with_resource(path="/hubs/x/{id}"), "resources[0].path"),
    (with_resource(path="/hubs/x/a/../b"), "resources[0].path"),
    (with_resource(path="/hubs/x/a?b=c"), "resources[0].path"),
    (with_resource(path="/hubs/x/a/{1x}"), "resources[0].path"),
    (with_resource(path="/hubs/x/a/{id}/{id}"), "resources[0].path"),
    (with_resource(path="/hubs/x/objects"), "resources[0].path"),
    (with_resource(vendorPath="https://a.example/x"), "resources[0].vendorPath"),
    (with_resource(vendorPath="//a.example/x"), "resources[0].vendorPath"),
    (with_resource(vendorPath="/x?y=z"), "resources[0].vendorPath"),
    (with_resource(vendorPath="/x/../y"), "resources[0].vendorPath"),
    (with_resource(vendorPath="/x y"), "resources[0].vendorPath"),
    (with_resource(vendorPath="/x/{id}"), "resources[0].vendorPath"),
    (with_resource(vendorPath="/x/${"), "resources[0].vendorPath"),
    (with_resource(method="TRACE"), "resources[0].method"),
    (with_resource(method=None), "resources[0].method"),
    (with_resource(method="POST", listing=True), "resources[0].listing"),
    (with_resource(type="onProvision"), "resources[0].type"),
    (with_resource(hooks=[{"body": "x"}]), "resources[0].hooks"),
    (with_resource(nextResource={"id": 1}), "resources[0].nextResource"),
    (with_resource(kind="inherited"), "resources[0].kind"),
    (with_resource(response={"contentType": "text/csv"}), "resources[0].response.contentType"),
    (with_resource(response={"content": "x"}), "resources[0].response.content"),
    (ledger(defaultTransformations=[{"name": "x"}]), "defaultTransformations"),
    (with_resource(paginationType="random"), "resources[0].paginationType"),
    (with_resource(**CURSOR), "resources[0].parameters"),
    (
        with_resource(paginationType="cursor", parameters=[{"name": "nextPage"}]),
        "resources[0].nextPageKey",
    ),
    (
        with_resource(**CURSOR, parameters=[{"name": "nextPage", "vendorType": "header"}]),
        f"{FIRST}.vendorType",
    ),
    (
        with_resource(paginationType="page", parameters=[{"name": "page"}], maxPageSize=0),
        "resources[0].maxPageSize",
    ),
    (with_parameter(type="query"), f"{FIRST}.name"),
    (with_parameter(name="x"), f"{FIRST}.type"),
    (with_parameter(name="x", type="form"), f"{FIRST}.type"),
    (with_parameter(name="x", type="path"), f"{FIRST}.name"),
    (with_parameter(name="x", type="query", source="response"), f"{FIRST}.source"),
    (with_parameter(name="x", type="query", converter="x"), f"{FIRST}.converter"),
    (with_parameter(name="x", type="query", dataType="integr"), f"{FIRST}.dataType"),
    (with_parameter(name="x", type="query", dataType=5), f"{FIRST}.dataType"),
    (with_parameter(name="x", type="query", vendorType="body"), f"{FIRST}.vendorType"),
    (with_parameter(name="x", type="body", vendorType="query"), f"{FIRST}.vendorType"),
    (with_parameter(name="a b", type="header"), f"{FIRST}.name"),
    (with_parameter(name="Authorization", type="header"), f"{FIRST}.name"),
    (
        with_parameter(name="x", type="query", vendorType="header", vendorName="Host"),
        f"{FIRST}.vendorName",
    ),
    (
        with_parameter(name="a\r\nb", type="value", vendorType="header", vendorName="X-A"),
        f"{FIRST}.name",
    ),
    (with_parameter(name="1", type="value"), f"{FIRST}.vendorName"),
    (
        with_parameter(name="${configuration.x}", type="value", vendorName="x"),
        f"{FIRST}.name",
    ),
    (with_resource(parameters=[{"name": "x", "type": "query"}] * 2), "resources[0].parameters"),
    (ledger(objects=[{"name": "a b"}]), "objects[0].name"),
    (ledger(objects=[{"name": "entries"}, {"name": "entries"}]), "objects[0].name"),
    (ledger(objects=[{"name": "entries", "aliases": ["ping"]}]), "objects[0].name"),
    (ledger(objects=[{"name": "entries", "path": "/entries/{id}"}]), "objects[0].path"),
    (ledger(objects=[{"name": "entries", "fields": [{"name": "x", "type": "nubmer"}]}]),
     "objects[0].fields[0].type"),
    (with_field(key="event.poller.configuration", defaultValue="{"),
     "configuration.event.poller.configuration.defaultValue"),
    (with_field(key="event.poller.configuration", defaultValue={"nothing": {}}),
     "configuration.event.poller.configuration.nothing.defaultValue"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "path"), FAULTS)
def test_a_fault_names_its_place(written: Any, path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(written)
    assert caught.value.path.startswith(path)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


def places_of(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else []
    )
    return [above, *(one for key, item in below for one in places_of(item, (*above, key)))]


PLACES = places_of(ledger())[1:]


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(PLACES), json_values)
def test_any_json_in_any_field_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    written: Any = json.loads(json.dumps(ledger()))
    inner = written
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        element = read(written)
    except ConfigurationError as error:
        assert error.path  # noqa: PT017 - what may be raised, not what must be
    else:
        assert read(definition.to_json(element)) == element


@pytest.mark.parametrize(
    ("written", "path", "meant"),
    [
        (with_resource(nextPageKye="next"), "resources[0].nextPageKye", "nextPageKey"),
        (with_resource(emptyWhenAbsnt=True), "resources[0].emptyWhenAbsnt", "emptyWhenAbsent"),
        (with_parameter(name="a", type="query", vendorNam="b"), f"{FIRST}.vendorNam", "vendorName"),
        (with_field(key="a", default="b"), "configuration[0].default", "defaultValue"),
        (ledger(resource=[]), "resource", "resources"),
        (ledger(authentication={"type": "apiKey", "headers": "X"}), "authentication.headers",
         "header"),
        (ledger(quota={"account": {"minute": 60}, "dayzone": "UTC"}), "quota.dayzone", "dayZone"),
        (ledger(webhook={"objectIds": "id"}), "webhook.objectIds", "objectId"),
        (with_cursor(deletedValue=["x"]), "resources[0].changeCursor.deletedValue",
         "deletedValues"),
    ],
)  # fmt: skip
def test_a_field_that_there_is_not_is_refused(written: Any, path: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"did you mean {meant}") as caught:
        read(written)
    assert caught.value.path == path


def test_what_says_nothing_is_passed_over() -> None:
    written = with_resource(id=7, createdDate="2020-01-01", elementId=3)
    plain = with_resource()
    assert read({**written, "id": 9, "extendable": True, "transformationsEnabled": False}) == read(
        plain
    )
