"""event.poller.configuration: what is accepted, and which path a fault names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elements.catalogue import find
from elements.errors import ConfigurationError
from elements.poller import LONGEST_TEXT, parse
from elements.types import PollerEntry

ENTRY = {"url": "/hubs/general/changed-messages", "idField": "id"}
ROOT = "event.poller.configuration"
HERE = f"{ROOT}.changed-messages"


@pytest.mark.parametrize(
    "value",
    [
        {"changed-messages": ENTRY},
        {"/changed-messages": ENTRY},
        {"changed-message": ENTRY},
        {"changed-messages": {**ENTRY, "url": "/hubs/general/changed-message"}},
        {"changed-messages": {**ENTRY, "url": "/hubs/anything/changed-messages"}},
        {"changed-messages": {**ENTRY, "url": "/changed-messages"}},
        {"changed-messages": {**ENTRY, "url": "hubs/general/changed-messages/"}},
        {"changed-messages": {**ENTRY, "url": "/elements/api-v2/hubs/general/changed-messages"}},
        {"changed-messages": {**ENTRY, "url": "/hubs/general/changed-messages?where=a='b c'"}},
    ],
)
def test_the_documented_forms_are_one_resource(value: dict[str, Any]) -> None:
    url = next(iter(value.values()))["url"]
    expected = {"changed-messages": PollerEntry("changed-messages", url, "id")}
    assert parse(value, find("gmail")) == expected
    assert parse(json.dumps(value), find("gmail")) == expected


def test_options_are_normalized() -> None:
    entry = {
        **ENTRY,
        "filterByUpdateDate": "False",
        "filterByCurrentDate": True,
        "pollDelay": "30",
        "pageSize": 50,
        "datesConfiguration": {
            "updatedDateField": "updated",
            "updatedDateTimezone": "",
            "createdCheckTolerance": 10,
        },
        "createdCheckTolerance": "",
        "somethingElse": {"kept": 1},
    }
    (parsed,) = parse({"changed-messages": entry}, find("gmail")).values()
    assert parsed.options == {
        "filterByUpdatedDate": False,
        "filterByCurrentDate": True,
        "pollDelay": 30,
        "pageSize": 50,
        "datesConfiguration": {"updatedDateField": "updated"},
        "createdCheckTolerance": 10,
        "somethingElse": {"kept": 1},
    }


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("", ROOT),
        ("{", ROOT),
        ("[]", ROOT),
        ("null", ROOT),
        ('"text"', ROOT),
        ("{}", ROOT),
        ({}, ROOT),
        ([], ROOT),
        (None, ROOT),
        (True, ROOT),
        (5, ROOT),
        ({5: ENTRY}, ROOT),
        ('{"changed-messages": {"url": "x", "url": "y"}}', ROOT),
        ('{"changed-messages": {"pageSize": NaN}}', ROOT),
        ("[" * 30_000, ROOT),
        (" " * (LONGEST_TEXT + 1), ROOT),
        ({"changed-messages": {**ENTRY, "x": "y" * LONGEST_TEXT}}, ROOT),
        ({"changed-messages": {**ENTRY, "x": "a\x00b"}}, ROOT),
        ('{"changed-messages": {"url": "\\ud800"}}', ROOT),
        ({f"r{number}": ENTRY for number in range(101)}, ROOT),
        ({"contacts": ENTRY}, f"{ROOT}.contacts"),
        ({"/contacts": ENTRY}, f"{ROOT}.contacts"),
        ({"": ENTRY}, f"{ROOT}."),
        ({"messages": {**ENTRY, "url": "/hubs/general/messages"}}, f"{ROOT}.messages"),
        ({"changed-messages": ENTRY, "/changed-messages": ENTRY}, HERE),
        ({"changed-messages": "text"}, HERE),
        ({"changed-messages": None}, HERE),
        ({"changed-messages": []}, HERE),
        ({"changed-messages": {}}, f"{HERE}.url"),
        ({"changed-messages": {"idField": "id"}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": ""}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "  "}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": None}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": 5}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "/hubs/general/messages"}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "/hubs/general/x/changed-messages"}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "http://a.example/changed-message"}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "//a.example/changed-messages"}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "//[x/changed-messages"}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "/hubs/a b/changed-messages"}}, f"{HERE}.url"),
        ({"changed-messages": {**ENTRY, "url": "/changed-messages?" + "x" * 2000}}, f"{HERE}.url"),
        ({"changed-messages": {"url": ENTRY["url"]}}, f"{HERE}.idField"),
        ({"changed-messages": {**ENTRY, "idField": ""}}, f"{HERE}.idField"),
        ({"changed-messages": {**ENTRY, "idField": 5}}, f"{HERE}.idField"),
        ({"changed-messages": {**ENTRY, "idField": "threadId"}}, f"{HERE}.idField"),
        ({"changed-messages": {**ENTRY, "pageSize": 0}}, f"{HERE}.pageSize"),
        ({"changed-messages": {**ENTRY, "pageSize": True}}, f"{HERE}.pageSize"),
        ({"changed-messages": {**ENTRY, "pollDelay": -1}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "pollDelay": "soon"}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "pollDelay": 1.5}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "pollDelay": 10**9}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "filterByUpdatedDate": "perhaps"}},
         f"{HERE}.filterByUpdatedDate"),
        ({"changed-messages": {**ENTRY, "filterByCurrentDate": 1}}, f"{HERE}.filterByCurrentDate"),
        ({"changed-messages": {**ENTRY, "datesConfiguration": []}}, f"{HERE}.datesConfiguration"),
        ({"changed-messages": {**ENTRY, "datesConfiguration": {"createdDateField": 1}}},
         f"{HERE}.datesConfiguration.createdDateField"),
        ({"changed-messages": {**ENTRY, "datesConfiguration": {"createdCheckTolerance": "x"}}},
         f"{HERE}.datesConfiguration.createdCheckTolerance"),
    ],
)  # fmt: skip
def test_a_fault_names_its_path(value: object, path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(value, find("gmail"))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("levels", [60, 300, 600, 900, 20_000])
def test_text_that_is_nested_deep_is_refused(levels: int) -> None:
    text = json.dumps({"changed-messages": {**ENTRY, "x": 0}})
    deep = text.replace("0", "[" * levels + "]" * levels)
    with pytest.raises(ConfigurationError, match=f"^{ROOT}: is nested deeper than 50 levels"):
        parse(deep, find("gmail"))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_that_json_lacks_is_refused(number: str) -> None:
    text = json.dumps({"changed-messages": {**ENTRY, "x": 0}}).replace("0", number)
    with pytest.raises(ConfigurationError, match=f"^{ROOT}: "):
        parse(text, find("gmail"))


def test_what_cannot_be_polled_is_told_with_what_can() -> None:
    with pytest.raises(ConfigurationError, match="those that can: changed-messages"):
        parse({"labels": ENTRY}, find("gmail"))
