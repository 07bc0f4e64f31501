"""The errors that Google answers, in the two forms it answers them in.

`ApiError` is the JSON of the Gmail API, `OAuthError` that of the token endpoint (RFC 6749, 5.2).
`BadControlError` is our own: a request to the control API that makes no sense.
"""

from collections.abc import Mapping
from typing import Any

from integrations.sandbox.faults import Fault

# google.rpc.Code as the API prints it, by HTTP status.
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# The text that the API puts beside a status when nothing more is said.
_MESSAGE = {
    401: "Invalid Credentials",
    403: "Forbidden",
    404: "Requested entity was not found.",
    429: "Too many concurrent requests for user.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}
_REASON = {
    400: "invalidArgument",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    429: "rateLimitExceeded",
    500: "backendError",
    503: "backendError",
}
_USAGE_REASONS = ("rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded")


class ApiError(Exception):
    """An error answer of the Gmail API.

    Source: https://developers.google.com/workspace/gmail/api/guides/handle-errors
    """

    def __init__(
        self,
        code: int,
        message: str | None = None,
        reason: str | None = None,
        *,
        detail: str | None = None,
        status: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """`detail` is the message inside `errors[]` where it differs from the outer one;
        `extra` is put beside `code` (such as `details`)."""
        self.code = code
        self.message = message or _MESSAGE.get(code, "Error")
        self.reason = reason or _REASON.get(code, "backendError")
        self.detail = detail or self.message
        self.status = status or _STATUS.get(code, "UNKNOWN")
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        item = {
            "message": self.detail,
            "domain": "usageLimits" if self.reason in _USAGE_REASONS else "global",
            "reason": self.reason,
        }
        if self.code == 401:
            item |= {"location": "Authorization", "locationType": "header"}
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "errors": [item],
                "status": self.status,
                **self.extra,
            }
        }


class OAuthError(Exception):
    """An error answer of the token or revocation endpoint."""

    def __init__(self, status: int, error: str, description: str) -> None:
        self.status = status
        self.error = error
        self.description = description
        super().__init__(f"{error}: {description}")

    def body(self) -> dict[str, str]:
        """The JSON body."""
        return {"error": self.error, "error_description": self.description}


class BadControlError(Exception):
    """A control request that cannot be carried out; the message names the field."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


def not_found() -> ApiError:
    """What the API says of a message, thread or history id that it doesn't know."""
    return ApiError(404)


def invalid_value(name: str, kind: str, value: str) -> ApiError:
    """What the API says of a query parameter of the wrong type."""
    return ApiError(400, f"Invalid value at '{name}' ({kind}), \"{value}\"", "badRequest")


def fault_body(fault: Fault, status: int, path: str) -> object:
    """The JSON of an error that a test has ordered."""
    if path in ("/token", "/revoke"):
        description = fault.message or "Backend Error"
        return OAuthError(status, fault.reason or "internal_failure", description).body()
    return ApiError(status, fault.message, fault.reason).body()
