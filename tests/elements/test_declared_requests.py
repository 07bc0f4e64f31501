"""What a declaration alone says of paths and pages, driven with canned answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elements import run
from elements.calls import Call, Page, PollCall, PollerEntry
from elements.errors import ParameterError
from elements.listing import scope_of
from elements.types import LINK, Operation, Paging, PagingKind, Parameter, Place, Resource
from transport.types import Request, Response

PAGED = Paging("per_page", "page", LINK, 100, PagingKind.PAGE)
API = "https://api.example.com/things"
Configuration = dict[str, str]


def listing(path: str = "/things") -> Operation:
    return Operation("GET", "/things", path, listing=True, paging=PAGED)


def page(answer: list[Any], link: str = "", *, operation: Operation | None = None) -> Page:
    """One page of a listing that the provider answers so."""
    steps = run.list_steps(operation or listing(), Call(page_size=50))
    request = next(steps)
    assert isinstance(request, Request)
    assert request.query == {"per_page": 50, "page": 1}
    with pytest.raises(StopIteration) as done:
        steps.send(Response(200, {"link": link} if link else {}, json.dumps(answer).encode()))
    found: Page = done.value.value
    return found


@pytest.mark.parametrize(
    ("link", "token"),
    [
        (f'<{API}?per_page=50&page=2>; rel="next", <{API}?page=9>; rel="last"', "2"),
        (f'<{API}?page=1>; rel="prev", <{API}?page=3>; rel="next"', "3"),
        (f"<{API}?page=3>;rel=next", "3"),
        (f'<{API}?page=3>; title="a"; rel="next"', "3"),
        (f'<{API}?page=1>; rel="prev"', ""),
        (f'<{API}>; rel="next"', ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_the_link_header_says_whether_there_is_more(link: str, token: str) -> None:
    # Whether the page is full says nothing: providers leave out what an account may not see.
    assert page([{"id": 1}], link).next_token == token


def test_a_part_of_the_path_may_have_another_name_at_the_provider() -> None:
    operation = Operation(
        "GET",
        "/things/{id}",
        "/v1/{key}/things/{id}/{kind}",
        parameters=(
            Parameter("group", "key", place=Place.PATH),
            Parameter("sort", "kind", vendor_place=Place.PATH),
            Parameter("other", "id"),  # a query's
        ),
    )
    call = Call(path={"group": "a b", "sort": "c", "id": "7", "other": "9"})
    assert run.vendor_path(operation, call) == "/v1/a%20b/things/7/c"
    assert run.vendor_path(operation, Call(path={"other": "9"})) == "/v1//things//"


def test_a_configured_value_may_be_several_segments_of_a_path() -> None:
    operation = listing("/repos/${+repository}/things/${name}")

    def path(**configuration: str) -> str:
        return run.vendor_path(operation, Call(configuration))

    assert path(repository="an owner/a.name", name="a/b") == "/repos/an%20owner/a.name/things/a%2Fb"
    for value in ("../name", "owner/..", "owner//name", "/owner", ".", "owner/"):
        with pytest.raises(ParameterError, match=r"configuration\.repository: must be parts"):
            path(repository=value, name="a")
    with pytest.raises(ParameterError, match=r"configuration\.repository: missing"):
        path(name="a")


def test_another_configured_path_is_another_listing() -> None:
    resource = Resource("things", (listing("/repos/${+repository}/things"),))
    entry = PollerEntry("things", "/hubs/general/things", "id")

    def scope(repository: str) -> str:
        call = PollCall(entry, None, None, {"repository": repository})  # type: ignore[arg-type]
        return scope_of(resource, call)

    assert scope("a/one") == scope("a/one")
    assert scope("a/one") != scope("a/two")
