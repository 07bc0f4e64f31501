"""Which line a record is known by: of the fields that its element names."""

from __future__ import annotations

from typing import Any

import pytest

from elements import definition
from elements.record_title import title_of
from elements.types import Resource
from tests.elements.ledger import ledger

RESOURCE = Resource("entries", title_fields=("subject", "sender.name"))


@pytest.mark.parametrize(
    ("record", "title"),
    [
        ({"subject": "Invoice", "sender": {"name": "Ann"}}, ("Invoice", "Ann")),
        ({"subject": "Invoice", "sender": "Ann"}, ("Invoice",)),
        ({"subject": "", "sender": {"name": "Ann"}}, ("Ann",)),
        ({"subject": 10482}, ("10482",)),
        ({"subject": True}, ()),
        ({"subject": ["a"], "sender": {"name": {"b": 1}}}, ()),
        ({"subject": "two\r\nlines\0"}, ("two lines",)),
        ({"subject": "a\u202eb\u2066c\ufeff"}, ("a b c",)),
        ({"subject": "\ud83d"}, ("?",)),
        ({"subject": "x" * 121}, ("x" * 120 + "…",)),
        ({}, ()),
        (None, ()),
        ([{"subject": "Invoice"}], ()),
    ],
)
def test_a_title_is_one_line_of_text_a_part(record: Any, title: tuple[str, ...]) -> None:
    assert title_of(RESOURCE, record) == title


def test_a_definition_names_the_fields() -> None:
    said = {"name": "cursor-entries", "titleFields": ["subject", "sender.name"]}
    written = {**ledger(), "objects": [said]}
    read = definition.element(written, id=1, key="ledger", active=True, organization_id=1)
    resource = read.resource("cursor-entries")
    assert resource is not None
    assert resource.title_fields == ("subject", "sender.name")
    [shown] = [one for one in definition.to_json(read)["objects"] if one["name"] == resource.name]
    assert shown["titleFields"] == said["titleFields"]


def test_a_resource_that_names_no_fields_has_no_titles() -> None:
    assert title_of(Resource("entries"), {"subject": "Invoice"}) == ()
