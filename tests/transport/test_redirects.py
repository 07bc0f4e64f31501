"""A redirect is followed within the provider's own origin, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.transport.conftest import Drive
from tests.transport.connectors import Tokens, one, several
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport.types import Account, Request

OLD = Request("GET", "/repos/old/issues", {"since": "2026", "page": 2})


@pytest.fixture
def elsewhere() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        yield scripted


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("{url}/repositories/1/issues?page=2", "/repositories/1/issues?page=2"),
        ("/repositories/1/issues?page=2", "/repositories/1/issues?page=2"),
        ("issues-of-1?page=2#top", "/v1/repos/old/issues-of-1?page=2"),
        ("{url}/repositories/1/issues", "/repositories/1/issues?since=2026&page=2"),
    ],
)
def test_another_path_of_the_provider_is_read_with_the_token(
    provider: ScriptedProvider, drive: Drive, status: int, location: str, path: str
) -> None:
    provider.answers = [answer(status, Location=location.format(url=provider.url))]
    account = Account(provider.url + "/v1", Tokens(["token-1"]))

    assert drive(one(OLD), account).json() == {"ok": True}

    assert [seen.path for seen in provider.seen] == ["/v1/repos/old/issues?since=2026&page=2", path]
    assert [seen.headers["authorization"] for seen in provider.seen] == ["Bearer token-1"] * 2


def test_another_host_or_scheme_gets_neither_a_request_nor_the_token(
    provider: ScriptedProvider, drive: Drive, elsewhere: ScriptedProvider
) -> None:
    for location in (
        elsewhere.url + "/repositories/1",
        elsewhere.url.removeprefix("http:") + "/repositories/1",
        f"https://127.0.0.1:{provider.port}/repositories/1",
        f"http://localhost:{provider.port}/repositories/1",
        f"http://user@127.0.0.1:{provider.port}/repositories/1",
        "file:///etc/passwd",
        "http://[",
        "",
    ):
        provider.answers = [answer(301, Location=location)]
        response = drive(one(OLD), Account(provider.url, Tokens(["token-1"])))
        assert response.status == 301
    assert elsewhere.seen == []
    assert {seen.path.partition("?")[0] for seen in provider.seen} == {"/repos/old/issues"}


def test_what_comes_from_another_host_is_not_followed(
    provider: ScriptedProvider, drive: Drive, elsewhere: ScriptedProvider
) -> None:
    elsewhere.answers = [answer(301, Location=provider.url + "/secret")]
    response = drive(one(Request("GET", elsewhere.url)), Account(provider.url, Tokens(["token-1"])))
    assert response.status == 301
    assert provider.seen == []


@pytest.mark.parametrize(
    ("status", "methods"),
    [(301, ["PATCH"]), (302, ["PATCH"]), (303, ["PATCH"]), (307, ["PATCH"] * 2),
     (308, ["PATCH"] * 2)],
)  # fmt: skip
def test_what_changes_something_is_repeated_only_as_it_was(
    provider: ScriptedProvider, drive: Drive, status: int, methods: list[str]
) -> None:
    provider.answers = [answer(status, Location="/repositories/1")]
    drive(one(Request("PATCH", "/repos/old", json={"a": 1})), Account(provider.url))
    assert [seen.method for seen in provider.seen] == methods
    assert {seen.body for seen in provider.seen} == {b'{"a":1}'}


def test_redirects_without_an_end_are_given_back(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = answer(301, Location="/again")
    response = drive(one(OLD), Account(provider.url))
    assert response.status == 301
    assert len(provider.seen) == 1 + 5


def test_a_token_that_is_rejected_behind_a_redirect_is_renewed(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(301, Location="/new?page=2"), answer(401)]
    account = Account(provider.url, Tokens(["token-1", "token-2"]))
    assert drive(one(OLD), account).status == 200
    assert [seen.headers["authorization"] for seen in provider.seen] == [
        "Bearer token-1", "Bearer token-1", "Bearer token-2",
    ]  # fmt: skip


def test_of_several_requests_each_is_followed(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(301, Location="/new")] * 3
    told: list[tuple[str, str]] = []
    account = Account(provider.url, moved=lambda before, after: told.append((before, after)))
    outcomes = drive(several([Request("GET", f"/{number}") for number in range(3)]), account)
    assert [outcome.status for outcome in outcomes] == [200] * 3
    assert sorted(told) == [("/0", "/new"), ("/1", "/new"), ("/2", "/new")]
