"""event.poller.configuration: what is accepted, and which path a fault names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elements.calls import PollerEntry
from elements.catalogue import find
from elements.errors import ConfigurationError
from elements.poller import LONGEST_TEXT, parse
from elements.types import ApiKey, Element, Operation, Parameter, Resource, Setting

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
        ({"profile": {**ENTRY, "url": "/hubs/general/profile"}}, f"{ROOT}.profile"),
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
        ({"changed-messages": {**ENTRY, "idField": " "}}, f"{HERE}.idField"),
        ({"changed-messages": {**ENTRY, "idField": 5}}, f"{HERE}.idField"),
        ({"changed-messages": {**ENTRY, "idField": "threadId"}}, f"{HERE}.idField"),
        ({"changed-messages": {**ENTRY, "pageSize": 0}}, f"{HERE}.pageSize"),
        ({"changed-messages": {**ENTRY, "pageSize": True}}, f"{HERE}.pageSize"),
        ({"changed-messages": {**ENTRY, "pollDelay": -1}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "pollDelay": "soon"}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "pollDelay": 1.5}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "pollDelay": 10**9}}, f"{HERE}.pollDelay"),
        ({"changed-messages": {**ENTRY, "refreshInterval": 0}}, f"{HERE}.refreshInterval"),
        ({"changed-messages": {**ENTRY, "refreshInterval": "1.5"}}, f"{HERE}.refreshInterval"),
        ({"changed-messages": {**ENTRY, "enabled": "no"}}, f"{HERE}.enabled"),
        ({"changed-messages": {**ENTRY, "backfill": True}}, f"{HERE}.backfill"),
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
    with pytest.raises(ConfigurationError, match=r"those that can: .*changed-messages"):
        parse({"profile": ENTRY}, find("gmail"))


def test_an_empty_id_field_is_the_one_of_the_resource() -> None:
    (entry,) = parse({"changed-messages": {**ENTRY, "idField": ""}}, find("gmail")).values()
    assert entry.id_field == "id"


CONTACTS = Element(
    id=1,
    key="contacts",
    name="Contacts",
    hub="crm",
    description="",
    base_url=Setting("", "http://127.0.0.1:1"),
    authentication=ApiKey(),
    resources=(
        Resource(
            "contacts",
            (
                Operation(
                    "GET",
                    "/people/contacts",
                    "/v1/contacts",
                    listing=True,
                    parameters=(Parameter("group", required=True), Parameter("sort")),
                ),
            ),
            path="/people/contacts",
            id_field="key",
        ),
        Resource(
            "notes",
            (Operation("GET", "/contacts/{contact}/notes", "/v1/notes", listing=True),),
            path="/contacts/{contact}/notes",
        ),
    ),
    configuration=(),
)
UPDATED = {
    "updatedDateField": "dates.updated",
    "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
    "updatedDateTimezone": "America/Denver",
    "createdDateField": "",
    "createdDateFormat": "yyyy",
}
LISTED = {"url": "/hubs/crm/contacts?group=all", "idField": ""}


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "/hubs/crm/people/contacts?group=all"},
        {"url": "/contacts?group=all&sort=name&pageSize=20"},
        {"url": "/contacts?group=all&where=age>30 and name='a b'"},
        {"url": "/contacts?group=all&where=age%3E30&orderBy=age"},
        {"idField": "person.id"},
        {"datesConfiguration": {}, "filterByCurrentDate": False, "pollDelay": 5},
        {"datesConfiguration": {"updatedDateField": "", "createdDateField": None}},
        {"filterByUpdatedDate": True, "pageSize": 20},
        {"url": "/contacts?group=${date}", "datesConfiguration": UPDATED},
        {"datesConfiguration": UPDATED, "filterByCurrentDate": "true"},
        {"url": "/contacts?group=all&where=seen>'${gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}'"},
        {"url": "/contacts?group=all&where=seen>'${dateTimeZone:-8:00:yyyy-MM-dd HH:mm:ss}'"},
        {"url": "/contacts?group=all&where=seen>${epoch:s}"},
        {"url": "/contacts?group=all&sort=${epoch}${epoch:ms}${epoch:us}${date:yyyy}"},
        {"url": "/contacts?group=all", "backfill": "true"},
        {"url": "/contacts?group=all&colour=red"},
    ],
)
def test_what_lists_can_be_polled(fields: dict[str, Any]) -> None:
    (entry,) = parse({"contacts": {**LISTED, **fields}}, CONTACTS).values()
    assert entry.name == "contacts"
    assert entry.id_field == fields.get("idField", "key")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "/contacts"}, r"contacts\.url: group: is missing: the listing requires it"),
        ({"url": "/contacts?group="}, r"contacts\.url: group: is missing"),
        ({"url": "/contacts?group=a&fields=id"}, r"contacts\.url: fields: is not supported"),
        ({"url": "/contacts?group=a&page=2"}, r"contacts\.url: page: a poll reads every page"),
        ({"url": "/contacts?group=a&where=age>"}, r"contacts\.url: where: "),
        (
            {"url": "/contacts?group=a&where=seen>'${gmtDate:yyyy-ww}'"},
            r"contacts\.url: \$\{gmtDate:yyyy-ww\}: its pattern has the letter w",
        ),
        ({"url": "/contacts?group=${gmtDate:yyyy"}, r"contacts\.url: .*: has no closing brace"),
        ({"url": "/contacts?group=${now}"}, r"contacts\.url: \$\{now\}: is not known; known are"),
        ({"url": "/contacts?group=${gmtDate}"}, r"contacts\.url: \$\{gmtDate\}: is not known"),
        ({"url": "/contacts?group=${epoch:h}"}, r"contacts\.url: \$\{epoch:h\}: is not known"),
        ({"url": "/contacts?group=${date}"}, r"contacts\.url: .* needs updatedDateField"),
        (
            {"url": "/contacts?group=${dateTimeZone:{TimeZone}:yyyy-MM-dd}"},
            r"contacts\.url: \$\{dateTimeZone:\{TimeZone\}: is not known",
        ),
        (
            {"url": "/contacts?group=${dateTimeZone:Mars:yyyy-MM-dd}"},
            r"contacts\.url: .* 'Mars' is not a time zone",
        ),
        (
            {"url": "/contacts?group=a&where=seen>'${gmtDate:MM/dd/yyyy}'"},
            "the listing takes no where, so the records are asked",
        ),
        (
            {"datesConfiguration": {"updatedDateField": "a..b"}},
            r"updatedDateField: must be the path",
        ),
        (
            {"datesConfiguration": {"updatedDateField": "updated"}},
            r"contacts\.datesConfiguration\.updatedDateFormat: is missing",
        ),
        (
            {"datesConfiguration": {"createdDateField": "at", "createdDateFormat": "soon"}},
            r"contacts\.datesConfiguration\.createdDateFormat: has the letter o",
        ),
        (
            {
                "datesConfiguration": {
                    "updatedDateField": "at",
                    "updatedDateFormat": "yyyy",
                    "updatedDateTimezone": "Mars",
                }
            },
            r"contacts\.datesConfiguration\.updatedDateTimezone: 'Mars' is not a time zone",
        ),
        (
            {
                "datesConfiguration": {"updatedDateField": "at", "updatedDateFormat": "yyyy"},
                "updatedDateTimezone": "Mars",
            },
            r"contacts\.updatedDateTimezone: 'Mars' is not a time zone",
        ),
        ({"url": "/contacts?group=a&pageSize=0"}, "pageSize: must be a whole number from 1"),
        ({"url": "/contacts?group=a&page=2"}, "page: a poll reads every page"),
        ({"url": "/contacts?group=a&nextPage=x"}, "nextPage: a poll reads every page"),
        ({"url": "/contacts?group=a&fields=name"}, "fields: is not supported in a poll's url"),
        ({"url": "/contacts?" + "a=1&" * 101}, "more than 100 parameters"),
        (
            {"url": "/people?group=a"},
            r"contacts\.url: must be a hub path such as /hubs/crm/contacts",
        ),
        ({"idField": "a..b"}, r"contacts\.idField: must be the path of a field"),
        ({"idField": "x" * 201}, r"contacts\.idField: must be the path of a field"),
        ({"filterByCurrentDate": True}, r"contacts\.filterByCurrentDate: needs .*updatedDateField"),
    ],
)
def test_what_a_listing_cannot_do_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse({"contacts": {**LISTED, **fields}}, CONTACTS)


def test_a_listing_within_another_record_cannot_be_polled() -> None:
    with pytest.raises(ConfigurationError, match=r"notes: cannot be polled; .*: contacts$"):
        parse({"notes": {"url": "/notes", "idField": ""}}, CONTACTS)


# --- Keys of the writer's own --------------------------------------------------------------------


def test_one_resource_is_polled_in_several_ways_by_keys_of_ones_own() -> None:
    entries = parse(
        {
            "contacts": LISTED,
            "/grown ups": {"url": "/hubs/crm/contacts?group=all&where=age>17", "idField": "key"},
            "Kids": {"url": "/people/contacts?group=all&where=age<18", "idField": ""},
        },
        CONTACTS,
    )
    assert [(name, entry.name) for name, entry in entries.items()] == [
        ("contacts", "contacts"), ("grown ups", "grown ups"), ("Kids", "Kids"),
    ]  # fmt: skip
    assert entries["Kids"].id_field == "key"


@pytest.mark.parametrize(
    ("key", "url", "message"),
    [
        ("mine", "/hubs/crm/nothing", "has no such resource, and url leads to none"),
        ("mine", "http://a.example/contacts?group=all", "has no such resource, and url leads to"),
        ("mine", "//[x/contacts", "has no such resource, and url leads to none"),
        ("objectType", "/contacts?group=all", "must be text of 1 to 100 characters"),
        ("instance_id", "/contacts?group=all", "must be text of 1 to 100 characters"),
        ("a\nb", "/contacts?group=all", "must be text of 1 to 100 characters"),
        ("x" * 101, "/contacts?group=all", "must be text of 1 to 100 characters"),
        (" / ", "/contacts?group=all", "must be text of 1 to 100 characters"),
    ],
)
def test_a_key_of_ones_own_is_a_name_and_its_url_leads_to_a_resource(
    key: str, url: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse({key: {"url": url, "idField": "key"}}, CONTACTS)


def test_a_change_feed_is_polled_once() -> None:
    with pytest.raises(ConfigurationError, match="must be changed-messages, which tells its"):
        parse({"mine": ENTRY}, find("gmail"))
