"""When a request is tried again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from tests.transport.conftest import Drive
from tests.transport.connectors import one
from tests.transport.scripted_provider import Answer, ScriptedProvider, answer
from transport.errors import ProviderError, ProviderUnreachable
from transport.limits import Limits
from transport.retry import pause_before_retry
from transport.types import Account, Request, Response

RATE_LIMIT = {"error": {"message": "slow", "errors": [{"reason": "userRateLimitExceeded"}]}}
FORBIDDEN = {"error": {"message": "no", "errors": [{"reason": "insufficientPermissions"}]}}


@pytest.mark.parametrize(
    "failure",
    [answer(429), answer(500), answer(502), answer(503), answer(403, RATE_LIMIT)],
    ids=["429", "500", "502", "503", "403 rate limit"],
)
def test_a_get_is_tried_again_after_a_passing_failure(
    failure: bytes, provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [failure, failure]

    response = drive(one(Request("GET", "/")), Account(provider.url))

    assert response.ok
    assert len(provider.seen) == 3
    first, second = drive.pauses
    assert 0.25 <= first <= 0.5
    assert 0.5 <= second <= 1.0


def test_the_last_of_three_answers_is_given_back(provider: ScriptedProvider, drive: Drive) -> None:
    provider.otherwise = answer(503, b"busy")

    response = drive(one(Request("GET", "/")), Account(provider.url))

    assert (response.status, response.body) == (503, b"busy")
    assert len(provider.seen) == 3


@pytest.mark.parametrize("status", [200, 204, 301, 400, 404, 410])
def test_another_answer_is_final(status: int, provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(status)]

    assert drive(one(Request("GET", "/")), Account(provider.url)).status == status
    assert len(provider.seen) == 1


def test_a_403_for_want_of_permission_is_final(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(403, FORBIDDEN)]

    assert drive(one(Request("GET", "/")), Account(provider.url)).status == 403
    assert len(provider.seen) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_may_change_something_is_not_tried_again(
    method: str, provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(503)]

    assert drive(one(Request(method, "/")), Account(provider.url)).status == 503
    assert len(provider.seen) == 1


def test_retry_after_is_honoured(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(429, Retry_After="7")]

    assert drive(one(Request("GET", "/")), Account(provider.url)).ok
    assert drive.pauses == [7.0]


def test_a_long_retry_after_is_left_to_the_caller(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(429, Retry_After="11")]

    response = drive(one(Request("GET", "/")), Account(provider.url))

    assert (response.status, response.headers["retry-after"]) == (429, "11")
    assert drive.pauses == []


@pytest.mark.parametrize("status", [403, 429])
def test_a_window_that_is_used_up_is_waited_for(
    status: int, provider: ScriptedProvider, drive: Drive
) -> None:
    # The provider's clock is years behind ours: the pause is counted by its own.
    provider.answers = [
        answer(
            status,
            {"message": "API rate limit exceeded"},
            X_RateLimit_Remaining="0",
            X_RateLimit_Reset="1583064007",
            Date="Sun, 01 Mar 2020 12:00:00 GMT",
        )
    ]

    assert drive(one(Request("GET", "/")), Account(provider.url)).ok
    assert drive.pauses == [7.0]


@time_machine.travel(datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC), tick=False)
@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "60"}, 60.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1793534460"}, 60.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 1.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "30"}, None),
    ],
)
def test_a_403_that_says_when_to_come_again_is_a_rate_limit(
    headers: dict[str, str], pause: float | None
) -> None:
    error = ProviderError.of(403, headers, b'{"message": "slow down"}')

    assert (error.is_rate_limit, error.retry_after) == (pause is not None, pause)
    assert error.provider_message == "error - {code=403, message=slow down}"


@time_machine.travel(datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC), tick=False)
def test_retry_after_may_be_a_date() -> None:
    headers = {"retry-after": "Sun, 01 Nov 2026 12:00:06 GMT"}

    assert pause_before_retry("GET", Response(503, headers, b""), 1, 0.0, Limits()) == 6.0


@pytest.mark.parametrize(
    "written",
    [
        "1000000000000000000",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Wed, 21 Oct 2015 99999999999999:28:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "soon",
    ],
)
def test_a_retry_after_beyond_any_calendar_is_not_followed(written: str) -> None:
    pause = pause_before_retry(
        "GET", Response(503, {"retry-after": written}, b""), 1, 0.0, Limits()
    )

    assert pause is None or pause <= Limits().first_pause


def test_no_attempt_begins_late() -> None:
    busy = Response(503, {}, b"")

    assert pause_before_retry("GET", busy, 1, 24.0, Limits(retry_within=25.0)) is not None
    assert pause_before_retry("GET", busy, 1, 24.9, Limits(retry_within=25.0)) is None


def cut(connection: object) -> None:
    """Closes the connection without a word."""


CUT_IN_THE_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"


def half_a_body(connection: object) -> None:
    connection.sendall(CUT_IN_THE_BODY)  # type: ignore[attr-defined]


@pytest.mark.parametrize("failure", [cut, half_a_body])
def test_a_get_whose_connection_is_lost_is_tried_again(
    failure: Answer, provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [failure]

    assert drive(one(Request("GET", "/")), Account(provider.url)).json() == {"ok": True}
    assert len(provider.seen) == 2


def test_a_post_whose_connection_is_lost_is_not(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [cut]

    with pytest.raises(ProviderUnreachable, match="cut"):
        drive(one(Request("POST", "/", json={})), Account(provider.url))
    assert len(provider.seen) == 1
