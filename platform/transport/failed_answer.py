"""Tells an answer of a 2xx status that says in its body that the request failed.

Providers do so each in words of its own; what counts is what stands at the top of the answer.
"""

from __future__ import annotations

import re
from typing import Any

# What such an answer has at its top, in any case.
FALSE_IF_FAILED = frozenset({"ok", "success"})
TRUE_IF_FAILED = frozenset(
    {"error", "errors", "fault", "exception", "errorcode", "error_code", "errcode"}
)
STATUS = frozenset({"status", "statuscode", "status_code", "code"})
FAILED_STATUSES = frozenset({"error", "fail", "failed", "failure"})
FIRST_FAILED_STATUS = 400
FAILED_NUMBER = re.compile(r"0*+(?:[4-9][0-9]{2}|[1-9][0-9]{3,}+)")  # as text


def says_failed(answer: Any) -> bool:
    """Return whether an answer says at its top that it is a failure."""
    return isinstance(answer, dict) and any(
        _is_failure(name.lower(), value) for name, value in answer.items()
    )


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
