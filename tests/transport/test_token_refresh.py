"""A rejected token is replaced once, and the request repeated."""

from __future__ import annotations

import pytest

from tests.transport.conftest import Drive
from tests.transport.connectors import Tokens, one, several
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport.errors import GrantLost, ProviderUnreachable
from transport.types import Account, Request, Response, Steps


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_401_leads_to_one_refresh_and_a_repetition(
    method: str, provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(401)]
    tokens = Tokens(["old", "new"])

    response = drive(one(Request(method, "/")), Account(provider.url, tokens))

    assert response.ok
    assert tokens.rejected == ["old"]
    assert [seen.headers["authorization"] for seen in provider.seen] == [
        "Bearer old",
        "Bearer new",
    ]


def test_a_second_401_is_given_back(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = answer(401)
    tokens = Tokens(["old", "new", "newer"])

    response = drive(one(Request("GET", "/")), Account(provider.url, tokens))

    assert response.status == 401
    assert tokens.rejected == ["old"]
    assert len(provider.seen) == 2


def test_a_401_without_an_authorizer_is_given_back(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(401)]

    assert drive(one(Request("GET", "/")), Account(provider.url)).status == 401


def test_a_401_from_another_origin_says_nothing_about_our_token(
    provider: ScriptedProvider, drive: Drive
) -> None:
    tokens = Tokens(["old", "new"])
    with ScriptedProvider(otherwise=answer(401)) as elsewhere:
        response = drive(one(Request("GET", elsewhere.url + "/")), Account(provider.url, tokens))

    assert response.status == 401
    assert tokens.rejected == []


def test_requests_side_by_side_share_one_refresh(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(401)] * 5
    tokens = Tokens(["old", "new", "newer"])

    outcomes = drive(
        several([Request("GET", f"/{i}") for i in range(5)]), Account(provider.url, tokens)
    )

    assert [outcome.status for outcome in outcomes] == [200] * 5
    assert tokens.rejected == ["old"]


def test_a_token_that_somebody_else_has_replaced_is_not_refreshed_again(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(401)]

    class ReplacedMeanwhile(Tokens):
        def access_token(self) -> str:
            return self.tokens.pop(0)

    tokens = ReplacedMeanwhile(["old", "new"])

    assert drive(one(Request("GET", "/")), Account(provider.url, tokens)).ok
    assert tokens.rejected == []
    assert provider.seen[1].headers["authorization"] == "Bearer new"


def test_a_lost_grant_ends_the_run_past_the_connector(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(401)]
    tokens = Tokens(["old"], error=GrantLost("invalid_grant"))
    met: list[str] = []

    def tries_to_go_on() -> Steps[None]:
        try:
            yield Request("GET", "/")
        except GrantLost:
            met.append("GrantLost")
            yield Request("GET", "/again")
        finally:
            met.append("closed")

    with pytest.raises(GrantLost):
        drive(tries_to_go_on(), Account(provider.url, tokens))
    assert met == ["closed"]
    assert len(provider.seen) == 1


def test_a_refresh_that_gets_no_answer_is_the_requests_outcome(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(401), answer(401)]
    tokens = Tokens(["old"], error=ProviderUnreachable("token endpoint down"))

    outcomes = drive(
        several([Request("GET", "/1"), Request("GET", "/2")]), Account(provider.url, tokens)
    )

    assert [str(outcome) for outcome in outcomes] == ["token endpoint down"] * 2
    assert not any(isinstance(outcome, Response) for outcome in outcomes)
