"""A limit that the status does not tell from a refusal: what a provider's body says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import answer_to
from instances.reason import lasting_refusal
from tests.transport.conftest import Drive
from tests.transport.connectors import one
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport import error_body
from transport.errors import MAX_RETRY_AFTER, ProviderError
from transport.limits import Limits
from transport.retry import is_passing, pause_before_retry
from transport.types import Account, Request, Response

Json = dict[str, Any]

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
PER_USER = (
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of service "
    "'gmail.googleapis.com' for consumer 'project_number:528509232048'."
)
GITHUB = {"message": SECONDARY, "documentation_url": "https://docs.github.com/rest/overview"}
PAGE = f"<html><style>{'a{color:red}' * 300}</style><p>You have triggered an abuse detection"


def google(message: str = "No.", **parts: Any) -> dict[str, Any]:
    return {"error": {"code": 403, "message": message, **parts}}


def info(reason: str, **metadata: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def retry(delay: object) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def error_of(
    body: object, headers: dict[str, str] | None = None, status: int = 403
) -> ProviderError:
    text = body if isinstance(body, str) else json.dumps(body)
    return ProviderError.of(status, headers or {}, text.encode())


def facebook(code: object, **parts: Any) -> dict[str, Any]:
    return {"error": {"message": "No.", "type": "OAuthException", "code": code, **parts}}


LIMITS = [
    GITHUB,
    {"message": "API rate limit exceeded for user ID 1."},
    {"message": "You have triggered an abuse detection mechanism. Please wait."},
    f"{PAGE} mechanism.</p></html>",
    google(PER_USER),
    google(PER_USER, errors=[{"reason": "rateLimitExceeded", "domain": "usageLimits"}]),
    google(errors=[{"reason": "forbidden"}, {"reason": "dailyLimitExceeded"}]),
    google(status="RESOURCE_EXHAUSTED"),
    google(status="PERMISSION_DENIED", details=[info("RATE_LIMIT_EXCEEDED")]),
    google("Resource has been exhausted (e.g. check quota)."),
    google(details=[retry("3.5s")]),
    [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
    {"error": "rate_limited"},
    {"code": "TooManyRequests", "message": "Slow down."},
    {"error": {"code": "TooManyRequests", "message": "Slow down."}},
    {"error": {"code": "activityLimitReached"}},
    {"code": "Throttling.User", "message": "Request was denied due to user flow control."},
    {"__type": "x", "code": "ThrottlingException"},
    {"errors": [{"code": "RATE_LIMIT", "message": "No."}]},
    {"status": "error", "errorType": "RATE_LIMIT", "message": "No."},
    {"status": "error", "category": "RATE_LIMITS", "message": "No."},
    {"message": "You have reached your secondly limit."},
    {"fault": {"code": 900803, "message": "Message throttled out"}},
    "<h1>403 Developer Over Qps</h1>",
    "Developer Over Rate",
    google(errors=[{"reason": "sharingRateLimitExceeded"}]),
    google(errors=[{"reason": "rateLimitExceededUnreg", "domain": "usageLimits"}]),
    *(facebook(code) for code in (4, 17, 32, 613, 80_004)),
    {"error": {"message": "No.", "code": 4, "fbtrace_id": "A"}},
    {"error": {"message": "(#17) User request limit reached"}},
    {"error": {"message": "(#613) Calls to this api have exceeded the rate limit."}},
    {"__type": "com.amazon.coral.availability#ThrottlingException", "message": "Rate exceeded"},
    {"__type": "RequestLimitExceeded", "message": "No."},
    {"__type": "TooManyRequestsException", "message": "No."},
    {"Error": {"Code": "Throttling", "Message": "Rate exceeded"}},
    {"message": "Rate exceeded"},
    {"code": "ThrottlingException:http://internal.amazon.com/coral/"},
    "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>No</Message></Error>",
    "<Response><Errors><Error><Code> RequestLimitExceeded </Code></Error></Errors></Response>",
    "<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>",
    {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]},
    {"errors": [{"type": "RATE_LIMITED", "message": "No."}]},
]
REFUSALS = [
    {"message": "Resource not accessible by integration"},
    {"message": "Must have admin rights to Repository.", "documentation_url": "…/rate-limit"},
    google("Request had insufficient authentication scopes.", status="PERMISSION_DENIED",
           errors=[{"reason": "insufficientPermissions"}], details=[info("ACCESS_TOKEN_SCOPE")]),
    google("Gmail API has not been used in project 1 before or it is disabled.",
           errors=[{"reason": "accessNotConfigured", "domain": "usageLimits"}]),
    google("The user's Drive storage quota has been exceeded.",
           errors=[{"reason": "storageQuotaExceeded"}]),
    "Forbidden", "", "[]", "null", "7", {"error": 7}, {"error": {"errors": 7, "details": {}}},
    {"message": {"exceeded": 1}}, "[" * 3000,
    {"message": "Your account has reached its user limit."},
    {"message": "The file exceeds the size limit."},
    {"message": "Insufficient permission to read rate limits."},
    {"error": {"code": "accessDenied", "message": "No."}},
    {"errors": [{"code": "FORBIDDEN"}, 7]}, {"errors": 7}, {"errorType": 7, "category": []},
    google(errors=[{"reason": "domainPolicy"}]),
    "The developer overrated this.",
    *(facebook(code) for code in (1, 10, 100, 190, 200, "4", 4.5, None, True, [4])),
    {"error": {"message": "No.", "code": 4}}, {"error": {"code": 17, "type": "card_error"}},
    {"__type": "ValidationException", "message": "The page size exceeds the limit."},
    {"__type": "LimitExceededException", "message": "There may be 10 users at most."},
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
]  # fmt: skip


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("body", LIMITS, ids=lambda body: json.dumps(body)[:60])
def test_a_limit_is_no_refusal(body: object, status: int) -> None:
    if status == 400 and body == google(details=[retry("3.5s")]):
        return  # says when to come again, and no more
    error = error_of(body, status=status)
    assert error.is_rate_limit
    assert lasting_refusal(error) == ""
    assert is_passing(Response(status, {}, json.dumps(body).encode()))


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("body", REFUSALS, ids=lambda body: json.dumps(body)[:60])
def test_a_refusal_is_no_limit(body: object, status: int) -> None:
    assert not error_of(body, status=status).is_rate_limit


def test_a_limit_told_by_400_is_a_429_of_the_api() -> None:
    assert answer_to(error_of(facebook(17), status=400)).status == 429
    assert answer_to(error_of(facebook(100), status=400)).status == 400


@pytest.mark.parametrize(
    "body",
    [
        {"ok": False, "error": "ratelimited"},
        {"ok": False, "error": "rate_limited"},
        {"success": False, "error": {"code": "TOO_MANY_REQUESTS"}},
        {"status": "error", "code": "Throttling.User", "message": "No."},
        {"data": None, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]},
        {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]},
    ],
    ids=json.dumps,
)
def test_a_limit_within_a_200_is_a_429(
    body: Json, provider: ScriptedProvider, drive: Drive
) -> None:
    provider.otherwise = answer(200, body)
    with pytest.raises(ProviderError, match="answered 429") as raised:
        drive(one(Request("GET", "/")), Account(provider.url)).raise_for_status()
    assert raised.value.is_rate_limit
    assert len(provider.seen) == len(drive.pauses) + 1 > 1  # it was waited for


DECLARED = frozenset({"45009", "E_BUSY"})


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (400, {"error": {"code": 45009}}, 429),
        (409, {"errors": [{"detail": {"reason": "E_BUSY"}}]}, 429),
        (403, b"<Error><Code>E_BUSY</Code></Error>", 429),
        (200, {"errcode": 45009, "errmsg": "No."}, 429),
        (200, {"status": "ok", "lastError": "E_BUSY"}, 200),  # it did not fail
        (400, {"error": {"code": 45010, "limit": 45009}}, 400),
        (400, {"message": "E_BUSY"}, 400),
        (400, b"E_BUSY", 400),
    ],
)
def test_the_codes_that_an_element_declares_mean_a_limit(
    status: int, body: Json | bytes, found: int, provider: ScriptedProvider, drive: Drive
) -> None:
    provider.otherwise = answer(status, body)
    account = Account(provider.url, limit_codes=DECLARED)
    assert drive(one(Request("POST", "/")), account).status == found
    assert drive(one(Request("POST", "/")), Account(provider.url)).status == status


@pytest.mark.parametrize(
    "body",
    [
        {"ok": True, "error": "ratelimited"},
        {"ok": False, "error": "channel_not_found", "limit": 5},
        {"id": 7, "status": "failed", "error": "rate_limited"},  # a record of somebody's job
        {"data": [{"id": 1}], "errors": [{"type": "RATE_LIMITED"}]},
        {"ok": False, "message": "The limit of records is exceeded"},
        {"status": "ok", "rate": {"limit": 10, "remaining": 0}},
        [{"error": "ratelimited"}],
        "ratelimited",
    ],
    ids=json.dumps,
)
def test_other_answers_of_a_200_are_as_they_are(body: object) -> None:
    assert Response.arrived(200, {}, json.dumps(body).encode()).status == 200


@pytest.mark.parametrize(
    ("body", "pause"),
    [
        (GITHUB, 60.0),  # at the least, without a header
        (google(details=[info("RATE_LIMIT_EXCEEDED"), retry("3.5s")]), 3.5),
        (google(details=[retry("999999999s")]), MAX_RETRY_AFTER),
        (google(details=[retry("soon"), retry(7), retry("-1s")]), None),
        (google(PER_USER), None),
    ],
)
def test_the_pause_of_a_body_is_kept(body: object, pause: float | None) -> None:
    error = error_of(body)

    assert error.retry_after == pause
    assert error_of(body, {"retry-after": "7"}).retry_after == 7.0


def test_a_secondary_limit_is_not_tried_again_at_once() -> None:
    """GitHub bans applications that go on asking."""
    remaining = {"x-ratelimit-remaining": "4321", "x-ratelimit-reset": "1796090000"}
    response = Response(403, remaining, json.dumps(GITHUB).encode())

    assert pause_before_retry("GET", response, 1, 0.0, Limits()) is None


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ("defaultPerDayPerProject", "dailyLimitExceeded"),
        ("defaultPerMinutePerProject", "RATE_LIMIT_EXCEEDED"),
        ("QueriesPerDayPerUser", "RATE_LIMIT_EXCEEDED"),
    ],
)
def test_the_limit_of_a_projects_day_is_told_from_others(limit: str, reason: str) -> None:
    details = [info("RATE_LIMIT_EXCEEDED", quota_limit=limit)]

    assert error_of(google(status="RESOURCE_EXHAUSTED", details=details)).reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "details", "message", "reason", "code", "metadata"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read(body: bytes) -> None:
    read = error_body.read(body)

    assert len(read.message) <= error_body.MAX_EXCERPT
    assert len(read.reason) <= error_body.MAX_REASON
    assert read.pause is None or read.pause >= 0
