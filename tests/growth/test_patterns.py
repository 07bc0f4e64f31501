"""No regular expression of the code takes more than the length of a text, whatever stands in it."""

from __future__ import annotations

import re
from functools import partial

import pytest
from django.urls import Resolver404, resolve

from elements.built_in import elements
from elements.types import Operation
from tests.growth.growth import is_linear, repeated
from tests.growth.patterns import Used, all_used, worst_texts

API = "/elements/api-v2"
USED, MADE = all_used()
# Each has one repetition at most for a piece of what it is made of, or a test of its own.
KNOWN_MADE = [
    "ceql.pattern",  # LIKE: only literals and dots, of one length
    "elements.date_pattern",  # test_date_patterns.py
    "elements.types",  # a path's names, one segment each
    "instances.configuration",  # of built-in elements: below
    "integrations.gmail.html_cost",  # a literal
]


def test_patterns_made_as_the_code_runs_are_known() -> None:
    assert [place.partition(":")[0] for place in MADE] == KNOWN_MADE


def test_patterns_of_built_in_fields() -> None:
    patterns = {
        field.pattern
        for element in elements().values()
        for field in element.configuration
        if field.pattern
    }
    assert patterns
    slow = [
        pattern
        for pattern in patterns
        for make in worst_texts(re.compile(pattern), anchored=True)
        if not is_linear(Used("", re.compile(pattern), anchored=True).run, make)
    ]
    assert slow == []


@pytest.mark.parametrize("path", ["messages", "messages/{id}/attachments/{attachmentId}"])
def test_paths_of_operations(path: str) -> None:
    operation = Operation("GET", path, "/")

    def match(text: str) -> object:
        return operation.match(text)

    for unit in ("/", "a/", "messages/", "messages/a/attachments/", "{id}/", "%2F"):
        assert is_linear(match, partial(repeated, "", unit))


def test_addresses_of_the_web_server() -> None:
    def find(path: str) -> object:
        try:
            return resolve(path)
        except Resolver404:
            return None

    beginnings = (
        "/",
        f"{API}/instances/",
        f"{API}/elements/",
        f"{API}/hubs/",
        "/console/",
        "/admin/",
    )
    units = ("/", "a", "a/", "1", "1/", "a.", "%", "-", "\n", "events/", "hubs/a/", "elements/")
    slow = [
        (beginning, unit)
        for beginning in beginnings
        for unit in units
        if not is_linear(find, partial(repeated, beginning, unit))
    ]
    assert slow == []


@pytest.mark.parametrize("used", USED, ids=lambda used: used.place)
def test_a_pattern(used: Used) -> None:
    assert [
        make(40)
        for make in worst_texts(used.pattern, anchored=used.anchored)
        if not is_linear(used.run, make)
    ] == []


@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [
        (r"(?i)\b(code|[a-z_.]*(?:token|secret))=[^&]+", False),
        (r"(\d{1,2}1){9,50}#", True),
        (r"\s*[,\s]*$x", True),
        (r"\$\{([^}]*)\}|\{(\w+)\}", False),
    ],
)
def test_a_pattern_that_is_not_linear_is_found(pattern: str, anchored: bool) -> None:
    used = Used("here", re.compile(pattern), anchored)
    assert not all(
        is_linear(used.run, make) for make in worst_texts(used.pattern, anchored=anchored)
    )
