"""Reads the body of a provider's error: its text, its code, and whether it speaks of a limit.

Some providers refuse with 400 or 403 what they would allow a moment later, and say so in the body
alone: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api,
https://developers.google.com/workspace/gmail/api/guides/handle-errors, the newer form of
https://docs.cloud.google.com/apis/design/errors, whose details hold ErrorInfo and RetryInfo,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, and
https://developers.facebook.com/docs/graph-api/overview/rate-limiting, whose codes are numbers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from transport import json_text

MAX_EXCERPT = 300  # characters of a provider's text that we repeat
MAX_READ = 16_384  # bytes of a body in which words are looked for
MAX_REASON = 100  # characters
SECONDARY_PAUSE = 60.0  # seconds: "wait for at least one minute before retrying"

DAILY = "dailyLimitExceeded"  # as Google's older form calls it
# Codes of a limit, in small letters without anything between the words.
LIMITS = frozenset(
    {
        "concurrentlimitexceeded",
        "dailylimitexceeded",
        "limitexceeded",
        "activitylimitreached",
        "applicationthrottled",
        "bandwidthlimitexceeded",
        "priorrequestnotcomplete",
        "provisionedthroughputexceeded",
        "quotaexceeded",
        "ratelimit",
        "ratelimited",
        "ratelimitexceeded",
        "ratelimitexceededunreg",
        "ratelimits",
        "sharingratelimitexceeded",
        "requestlimitexceeded",
        "requestthrottled",
        "resourceexhausted",
        "slowdown",
        "throttled",
        "toomanyrequests",
        "userratelimitexceeded",
    }
)
AWS_RESOURCES = "limitexceededexception"  # of things that there may be, not of requests
# Facebook's: of an application, a user, a page, a call, and from 80000 on of a use case.
FACEBOOK_LIMITS = frozenset({4, 17, 32, 613, *range(80_000, 80_015)})
# Not the space of a drive: nothing but its owner makes room in it.
_QUOTA = (
    r"(?<!storage )\b(?:quota|(?:rate|usage|request|api|call)s?[- ]limits?"
    r"|(?:secondly|hourly|daily|monthly)[- ]limits?)\b"
)
LIMIT_WORDS = re.compile(
    rf"{_QUOTA}.{{0,40}}\b(?:exceeded|exhausted|reached|hit)\b"
    rf"|\b(?:exceed(?:ed|s)?|exhausted|reached|hit|over)\b.{{0,40}}{_QUOTA}"
    r"|\babuse detection\b|\btoo many (?:\w+ )?(?:requests|calls|queries)\b"
    r"|\bdeveloper over (?:rate|qps)\b|\bthrottled out\b"  # Mashery's, WSO2's
    r"|^rate exceeded\b"  # AWS's
    r"|\bresource has been exhausted\b|\brequests? (?:was|were|is|are|has been) throttled\b",
    re.IGNORECASE,
)
SECONDARY_WORDS = re.compile(r"\bsecondary rate limit\b|\babuse detection\b", re.IGNORECASE)
CODE_DEPTH = 3  # levels in which a code that an element declares is looked for
CODE_NAME = re.compile(r"code|error|reason|status|type", re.IGNORECASE)
XML_CODE = re.compile(r"<Code>\s*([\w.]{1,100})\s*</Code>", re.IGNORECASE)  # AWS's
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")  # of google.protobuf in JSON


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """`reason` is the provider's code for it; `pause` are the seconds that it names in the body."""

    message: str
    reason: str = ""
    pause: float | None = None
    is_limit: bool = False


def read(body: bytes) -> ErrorBody:
    """Return what the body says, as far as it can be read."""
    text = " ".join(body[:MAX_READ].decode("utf-8", "replace").split())
    try:
        answer = json_text.parse(body)
    except ValueError:
        answer = None
    if isinstance(answer, list) and answer:  # Salesforce's
        answer = answer[0]
    parts = answer if isinstance(answer, dict) else {}
    reasons = [one for one in (*_reasons(parts), *XML_CODE.findall(text)) if one]
    limits = [one for one in reasons if is_limit(one)]
    pause = next(_pauses(parts), None)
    if pause is None and SECONDARY_WORDS.search(text):
        pause = SECONDARY_PAUSE
    message = _message(parts, text)
    return ErrorBody(
        message=message[:MAX_EXCERPT],
        reason=next(iter(limits or reasons), "")[:MAX_REASON],
        pause=pause,
        is_limit=bool(limits)
        or _is_facebooks(parts.get("error"))
        or any(LIMIT_WORDS.search(words) for words in (text, message[:MAX_READ])),
    )


def has_code(answer: Any, codes: Collection[str]) -> bool:
    """Return whether one of these codes stands near the top of an answer, as text or a number,
    under a name such as `code`, `error_code` or `reason`."""
    level, found = [answer], False
    for _ in range(CODE_DEPTH):
        objects = [one for one in level if isinstance(one, dict)]
        named = [pair for one in objects for pair in one.items()]
        found = found or any(
            CODE_NAME.search(name) is not None
            and isinstance(value, str | int)
            and not isinstance(value, bool)
            and str(value) in codes
            for name, value in named
        )
        level = [
            inner for _, value in named for inner in (value if isinstance(value, list) else [value])
        ]
    return found


def says_code(body: bytes, codes: Collection[str]) -> bool:
    """Return whether the JSON of an error has one of these codes, as `has_code` tells."""
    if not codes or not body or len(body) > MAX_READ:
        return False
    try:
        return has_code(json_text.parse(body), codes)
    except ValueError:
        return False


def is_limit(reason: str) -> bool:
    """Return whether a code means a limit, however its words are put together."""
    code = reason.rpartition("#")[2].partition(":")[0]  # AWS's stand between a name and an address
    word = re.sub(r"[^a-z]", "", code.lower())
    if word.startswith("throttling"):  # Throttling.User, ThrottlingException
        return True
    return word in LIMITS or (word != AWS_RESOURCES and word.removesuffix("exception") in LIMITS)


def _is_facebooks(error: Any) -> bool:
    """Return whether an error of Facebook's form has a code of a limit."""
    if not isinstance(error, dict):
        return False
    if "fbtrace_id" not in error and error.get("type") != "OAuthException":
        return False
    code = error.get("code")
    return isinstance(code, int) and not isinstance(code, bool) and code in FACEBOOK_LIMITS


def _message(parts: dict[str, Any], text: str) -> str:
    error = parts.get("error", parts.get("Error"))
    if isinstance(error, str):  # the OAuth form, RFC 6749 section 5.2
        return error
    said = error.get("message", "") if isinstance(error, dict) else parts.get("message")
    if said == "" and isinstance(error, dict):
        said = error.get("Message", "")
    return " ".join(said.split()) if isinstance(said, str) else text


def _reasons(parts: dict[str, Any]) -> Iterator[str]:
    """The codes that a body holds, the most exact first."""
    error = parts.get("error")
    if isinstance(error, str):
        yield error
    elif isinstance(error, dict):
        for one in _objects(error.get("errors")):
            yield _text(one.get("reason"))
        for one in _objects(error.get("details")):
            yield _of_day(one) or _text(one.get("reason"))
        yield _text(error.get("code"))  # Microsoft's; Google's is the HTTP status
        status = _text(error.get("status"))
        if is_limit(status):  # another is the name of the HTTP status only
            yield status
    aws = parts.get("Error")
    yield _text(aws.get("Code")) if isinstance(aws, dict) else ""
    for name in ("errorCode", "code", "reason", "errorType", "category", "__type"):
        yield _text(parts.get(name))
    for one in _objects(parts.get("errors")):
        yield _text(one.get("code"))
        extensions = one.get("extensions")  # of GraphQL
        yield _text(extensions.get("code")) if isinstance(extensions, dict) else ""
        yield _text(one.get("type"))


def _of_day(detail: dict[str, Any]) -> str:
    """DAILY where an ErrorInfo names the limit of a whole project's day."""
    metadata = detail.get("metadata")
    limit = _text(metadata.get("quota_limit")) if isinstance(metadata, dict) else ""
    return DAILY if "PerDay" in limit and "PerUser" not in limit else ""


def _pauses(parts: dict[str, Any]) -> Iterator[float]:
    error = parts.get("error")
    for one in _objects(error.get("details") if isinstance(error, dict) else None):
        if (delay := DURATION.fullmatch(_text(one.get("retryDelay")))) is not None:
            yield float(delay[1])


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
