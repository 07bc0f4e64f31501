"""Issues, pull requests and comments are known by what they say and by who wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from elements.record_title import title_of
from integrations.github.element import ELEMENT

ISSUE = {"title": "It hangs", "body": "On Mondays", "user": {"login": "ann"}}


@pytest.mark.parametrize(
    ("name", "record", "title"),
    [
        ("issues", ISSUE, ("It hangs", "ann")),
        ("pull-requests", ISSUE, ("It hangs", "ann")),
        ("comments", ISSUE, ("On Mondays", "ann")),
        ("issues", {"action": "opened", "issue": ISSUE}, ("It hangs", "ann")),
        ("comments", {"issue": {"body": "no"}, "comment": ISSUE}, ("On Mondays", "ann")),
        ("issues", {"title": None, "user": "ann"}, ()),
        ("pushes", ISSUE, ()),
    ],
)
def test_a_record_or_a_webhook_of_it_says_what_it_is(
    name: str, record: dict[str, Any], title: tuple[str, ...]
) -> None:
    resource = ELEMENT.resource(name)
    assert resource is not None
    assert title_of(resource, record) == title
