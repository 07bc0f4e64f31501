"""Turns whatever is raised below a view into the one JSON form of an error.

The body is {"requestId", "message", "providerMessage"?}; the last only when the provider made the
error. What is raised deliberately is an ApiError or one of the lower rooms' errors.
"""

from __future__ import annotations

import json
import math
import sys
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
    ValidationError,
)
from django.db import DatabaseError, DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from api.request_id import API_ROOT, CONTENT_TYPE, current
from ceql import WhereError
from config.given_postgres import migrations
from config.given_postgres.unavailable import RETRY_AFTER, Outage, outage_of
from elements.errors import (
    ConfigurationError,
    ElementConflict,
    ElementNotFound,
    ElementReadOnly,
    ParameterError,
)
from encryption.keys import UnsealError
from transport.errors import (
    AddressRefused,
    GrantLost,
    NoRoom,
    ProviderError,
    TransportError,
    UnitsUsedUp,
)

log = structlog.get_logger(__name__)

UNAUTHORIZED = "Invalid Organization or User secret, or invalid Element token provided."
SEALED = (
    "what is stored cannot be opened: the encryption key that sealed it is not in the platform's "
    "PERIODIC_ENCRYPTION_KEYS"
)
UNKNOWN_HOST = "the Host header names a host that the setting ALLOWED_HOSTS does not"
CHALLENGE = 'User realm="elements"'  # RFC 9110 11.6.1 wants one with each 401


class ApiError(Exception):
    """An answer other than success, with a message fit for the caller's eyes."""

    def __init__(self, status: int, message: str, provider_message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.provider_message = provider_message


class BadRequest(ApiError):
    def __init__(self, message: str, provider_message: str = "") -> None:
        super().__init__(400, message, provider_message)


class Unauthorized(ApiError):
    def __init__(self, message: str = UNAUTHORIZED, provider_message: str = "") -> None:
        super().__init__(401, message, provider_message)


class Forbidden(ApiError):
    def __init__(self, message: str, provider_message: str = "") -> None:
        super().__init__(403, message, provider_message)


class NotFound(ApiError):
    def __init__(self, message: str, provider_message: str = "") -> None:
        super().__init__(404, message, provider_message)


class Conflict(ApiError):
    def __init__(self, message: str, provider_message: str = "") -> None:
        super().__init__(409, message, provider_message)


class Unopened(Conflict, UnsealError):
    """Stored secrets cannot be opened. The message says what to do about it."""


class TooLarge(ApiError):
    def __init__(self, message: str) -> None:
        super().__init__(413, message)


class UnsupportedType(ApiError):
    def __init__(self, message: str) -> None:
        super().__init__(415, message)


class Unprocessable(ApiError):
    def __init__(self, message: str) -> None:
        super().__init__(422, message)


class TooManyRequests(ApiError):
    """`wait` is in seconds."""

    def __init__(self, message: str, wait: int) -> None:
        super().__init__(429, message)
        self.wait = wait


class Unavailable(ApiError):
    """`wait` is in seconds."""

    def __init__(self, message: str, wait: int) -> None:
        super().__init__(503, message)
        self.wait = wait


class BadGateway(ApiError):
    def __init__(self, message: str, provider_message: str = "") -> None:
        super().__init__(502, message, provider_message)


def body_of(error: ApiError) -> dict[str, str]:
    body = {"requestId": current(), "message": error.message}
    if error.provider_message:
        body["providerMessage"] = error.provider_message
    return body


def json_error(status: int, message: str) -> HttpResponse:
    """The error as a plain Django response, for where no API view is at hand."""
    body = json.dumps(body_of(ApiError(status, message)))
    response = HttpResponse(body, status=status, content_type=CONTENT_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = CHALLENGE
    return response


def message_for(status: int) -> str:
    """A message for an error of which nothing but the status is known."""
    return {
        400: "the request cannot be read",
        403: "this is not allowed",
        404: "there is nothing at this address",
        405: "the method is not allowed at this address",
        413: "the request is too large",
        500: "the platform failed; the requestId finds the reason in its log",
    }.get(status, HTTPStatus(status).phrase if status in set(HTTPStatus) else "error")


# --- From exceptions to answers ------------------------------------------------------------------


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """The exception handler of every API view (REST framework's EXCEPTION_HANDLER)."""
    answer = answer_to(error)
    response = Response(body_of(answer), status=answer.status)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = CHALLENGE
    wait = getattr(answer, "wait", getattr(error, "wait", None))
    if wait is not None:
        response["Retry-After"] = str(math.ceil(wait))
    return response


def answer_to(error: Exception) -> ApiError:
    """What the caller is told about an error. Logs those that are the platform's own."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, TransportError):
        return _of_transport(error)
    if isinstance(error, exceptions.APIException):
        return _of_rest_framework(error)
    if isinstance(error, UnsealError):
        log.error("stored secret cannot be opened", reason=str(error))
        return Conflict(f"{SEALED}.")
    return _of_elements(error) or unavailable(error) or _of_django(error) or _unknown(error)


def unavailable(error: BaseException | None) -> Unavailable | None:
    """What the caller is told where the database cannot be used now, or had no time; else None.

    A table that is missing although all migrations are there is a fault of ours.
    """
    outage = outage_of(error) if error is not None else None
    if outage is Outage.SCHEMA and not _migrations_missing():
        return None
    if outage is None and not isinstance(error, OperationalError):
        return None
    reason = outage.value if outage else "the database is too busy for this request"
    log.warning("database unavailable", reason=reason, error=str(error).strip())
    return Unavailable(f"{reason}: try again later", wait=RETRY_AFTER)


def _migrations_missing() -> bool:
    try:
        return bool(migrations.pending())
    except DatabaseError:
        return False


def _of_transport(error: TransportError) -> ApiError:
    if isinstance(error, ProviderError):
        return ApiError(_status_of(error), _message_of(error), error.provider_message)
    if isinstance(error, UnitsUsedUp):
        return TooManyRequests(_message_of(error), wait=math.ceil(error.retry_after))
    if isinstance(error, NoRoom):
        return Unavailable(_message_of(error), wait=math.ceil(error.retry_after))
    if isinstance(error, GrantLost):
        return Unauthorized(_message_of(error))
    if isinstance(error, AddressRefused):
        return BadRequest(_message_of(error))
    return BadGateway(_message_of(error))


def _status_of(error: ProviderError) -> int:
    """A redirect that was not followed says that nothing is there any more, not of a failure; and a
    limit that is told by 400 not that the call was wrong."""
    if error.status == HTTPStatus.BAD_REQUEST and error.is_rate_limit:
        return HTTPStatus.TOO_MANY_REQUESTS
    if 300 <= error.status < 400:
        return HTTPStatus.NOT_FOUND
    return error.status if 400 <= error.status < 500 else HTTPStatus.BAD_GATEWAY


def _of_rest_framework(error: exceptions.APIException) -> ApiError:
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return Unauthorized()
    if isinstance(error, exceptions.NotAcceptable):
        return ApiError(406, "answers are application/json: the Accept header must allow that")
    if isinstance(error, exceptions.UnsupportedMediaType):
        return UnsupportedType("send the body as JSON, with Content-Type: application/json")
    if isinstance(error, exceptions.MethodNotAllowed):
        return ApiError(405, "the method is not allowed at this address")
    if isinstance(error, exceptions.ValidationError):
        return BadRequest(_flat(error.detail))
    return ApiError(error.status_code, _flat(error.detail))


def _of_elements(error: Exception) -> ApiError | None:
    if isinstance(error, ElementNotFound):
        return NotFound(_message_of(error))
    if isinstance(error, ElementConflict):
        return Conflict(_message_of(error))
    if isinstance(error, ElementReadOnly):
        return Forbidden(_message_of(error))
    if isinstance(error, ConfigurationError | ParameterError):
        return BadRequest(_message_of(error))
    if isinstance(error, WhereError):
        return BadRequest(f"where: {error}")
    return None


def _of_django(error: Exception) -> ApiError | None:
    if isinstance(error, Http404):
        return NotFound(message_for(404))
    if isinstance(error, PermissionDenied):
        return Forbidden(message_for(403))
    if isinstance(error, ValidationError):
        return BadRequest("; ".join(error.messages))
    if isinstance(error, RequestDataTooBig | TooManyFilesSent):
        return TooLarge(message_for(413))
    if isinstance(error, SuspiciousOperation):
        return BadRequest(message_for(400))
    if isinstance(error, DataError):
        log.warning("value refused by the database", exc_info=error)
        return BadRequest("a value in the request is too large or cannot be stored")
    return None


def _unknown(error: Exception) -> ApiError:
    log.error("unexpected error", exc_info=error)
    return ApiError(500, message_for(500))


def _message_of(error: Exception) -> str:
    return str(error) or message_for(400)


def _flat(detail: Any, path: str = "") -> str:
    """REST framework's nested error details in one line, each with the path of its field."""
    if isinstance(detail, dict):
        below = ((f"{path}.{key}" if path else str(key), value) for key, value in detail.items())
        return "; ".join(_flat(value, key) for key, value in below)
    if isinstance(detail, list | tuple):
        return "; ".join(_flat(value, path) for value in detail)
    return f"{path}: {detail}" if path else str(detail)


# --- Outside of API views ------------------------------------------------------------------------


def _below_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_ROOT)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _below_api(request):
        unknown_host = isinstance(exception, DisallowedHost)
        return json_error(400, UNKNOWN_HOST if unknown_host else message_for(400))
    return defaults.bad_request(request, exception)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _below_api(request):
        return json_error(403, message_for(403))
    return defaults.permission_denied(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _below_api(request):
        return json_error(404, message_for(404))
    return defaults.page_not_found(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the exception, which no view's answer stood in for."""
    if (answer := outage_answer(request, sys.exception())) is not None:
        return answer
    if _below_api(request):
        return json_error(500, message_for(500))
    return defaults.server_error(request)


def outage_answer(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """The answer to what failed as the database cannot be used now; None for all else."""
    if (found := unavailable(error)) is None:
        return None
    if _below_api(request):
        response = json_error(found.status, found.message)
    else:
        page = render_to_string("503.html", {"message": found.message})
        response = HttpResponse(page, status=found.status)
    response["Retry-After"] = str(found.wait)
    return response
