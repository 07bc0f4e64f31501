"""Tells an answer of a 2xx status that says in its body that the request failed.

Providers do so each in words of its own; what counts is what stands at the top of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from transport import error_body, json_text

# What such an answer has at its top, in any case.
FALSE_IF_FAILED = frozenset({"ok", "success"})
TRUE_IF_FAILED = frozenset(
    {"error", "errors", "fault", "exception", "errorcode", "error_code", "errcode"}
)
STATUS = frozenset({"status", "statuscode", "status_code", "code"})
FAILED_STATUSES = frozenset({"error", "fail", "failed", "failure"})
FIRST_FAILED_STATUS = 400
MAY_LIMIT = re.compile(rb"limit|throttl|exhausted|too.?many", re.IGNORECASE)
LONGEST_REFUSAL = 4_096  # bytes of an answer that is nothing but one
FAILED_NUMBER = re.compile(r"0*+(?:[4-9][0-9]{2}|[1-9][0-9]{3,}+)")  # as text


def says_failed(answer: Any) -> bool:
    """Return whether an answer says at its top that it is a failure."""
    return isinstance(answer, dict) and any(
        _is_failure(name.lower(), value) for name, value in answer.items()
    )


def says_declared(status: int, body: bytes, codes: Collection[str]) -> bool:
    """Return whether an answer says with one of the `codes` that an element declares that it was
    refused for a limit; within a 2xx, only where it says that it failed."""
    if not codes or not body or len(body) > error_body.MAX_READ:
        return False
    try:
        answer = json_text.parse(body)
    except ValueError:
        text = body.decode("utf-8", "replace")
        return status >= FIRST_FAILED_STATUS and bool(
            {*error_body.XML_CODE.findall(text)} & {*codes}
        )
    if status < FIRST_FAILED_STATUS and not says_failed(answer):
        return False
    return error_body.has_code(answer, codes)


def says_limited(body: bytes) -> bool:
    """Return whether the body of a 2xx answer says that it was refused for a limit.

    As Slack's `{"ok": false, "error": "ratelimited"}` and GraphQL's errors; by a code, not by words
    alone. A record (with an id) that tells of somebody's failure is none, nor is an answer that has
    something to give.
    """
    if len(body) > LONGEST_REFUSAL or MAY_LIMIT.search(body) is None:
        return False
    try:
        answer = json_text.parse(body)
    except ValueError:
        return False
    if not says_failed(answer) or answer.get("id") is not None or answer.get("data"):
        return False
    if any(answer.get(name) is True for name in FALSE_IF_FAILED):
        return False
    return error_body.is_limit(error_body.read(body).reason)


def _is_failure(name: str, value: Any) -> bool:
    if name in FALSE_IF_FAILED:
        return value is False
    if name in TRUE_IF_FAILED:
        return bool(value) and value != "0"
    if name not in STATUS or isinstance(value, bool):
        return False
    if isinstance(value, str):
        return value.lower() in FAILED_STATUSES or FAILED_NUMBER.fullmatch(value) is not None
    return isinstance(value, int | float) and value >= FIRST_FAILED_STATUS
