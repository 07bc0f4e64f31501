"""Headers that an answer repeats: both runners read all values of a list, and one of the others."""

from __future__ import annotations

import pytest

from tests.transport.conftest import Drive
from tests.transport.connectors import one
from tests.transport.scripted_provider import ScriptedProvider
from transport.types import Account, Request


def repeating(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "Content-Length: 2", "", "{}"]).encode()


@pytest.mark.parametrize("relations", [("self", "next"), ("next", "self"), ("next", "last")])
def test_a_link_in_a_header_of_its_own(
    provider: ScriptedProvider, drive: Drive, relations: tuple[str, str]
) -> None:
    pages = {"self": 1, "next": 2, "last": 9}
    provider.otherwise = repeating(
        *(f'Link: </items?page={pages[rel]}>; rel="{rel}"' for rel in relations)
    )

    response = drive(one(Request("GET", "/")), Account(provider.url))

    assert response.next_query == {"page": "2"}


def test_names_of_either_case_are_one_header(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = repeating("VARY: Accept", "vary: Origin")
    response = drive(one(Request("GET", "/")), Account(provider.url))
    assert response.headers["vary"] == "Accept, Origin"


def test_the_first_of_two_pauses_counts(provider: ScriptedProvider, drive: Drive) -> None:
    busy = repeating("Retry-After: 3", "Retry-After: 7", status="503 Busy")
    provider.answers = [busy]

    drive(one(Request("GET", "/")), Account(provider.url))

    assert drive.pauses == [3.0]


def test_a_date_or_an_etag_that_a_proxy_repeats_is_still_one(
    provider: ScriptedProvider, drive: Drive
) -> None:
    date = "Sun, 01 Mar 2026 12:00:00 GMT"
    provider.otherwise = repeating(f"Date: {date}", f"Date: {date}", 'ETag: "a"', 'ETag: "b"')

    response = drive(one(Request("GET", "/")), Account(provider.url))

    assert (response.headers["date"], response.headers["etag"]) == (date, '"a"')


def test_cookies_are_not_handed_to_connectors(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = repeating("Set-Cookie: a=1; Path=/", "Set-Cookie: b=2")
    response = drive(one(Request("GET", "/")), Account(provider.url))
    assert set(response.headers) == {"content-length"}
