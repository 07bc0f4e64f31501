"""A small API of its own for the tests of what every endpoint shares."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import InternalError, OperationalError, ProgrammingError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from psycopg.errors import ReadOnlySqlTransaction, UndefinedTable
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from api import errors, fields, paging
from api.authentication import caller_of
from api.permissions import IsAnyCaller, IsElementCaller
from elements.errors import ConfigurationError, ElementNotFound
from transport.errors import (
    AddressRefused,
    GrantLost,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
)


class Platform(APIView):
    """Says who calls; needs User and Organization, as views do by default."""

    def get(self, request: Request) -> Response:
        caller = caller_of(request)
        return Response(
            {
                "user": caller.user.pk,
                "organization": caller.organization.pk,
                "instance": caller.instance.pk if caller.instance else None,
            }
        )


class Hub(Platform):
    permission_classes = [IsElementCaller]


class Either(Platform):
    permission_classes = [IsAnyCaller]


class Echo(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"anonymous": request.auth is None})

    def post(self, request: Request) -> Response:
        return Response(request.data)

    def delete(self, request: Request) -> Response:
        return Response()


class Named(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        body = fields.json_object(request.data)
        return Response({"name": fields.text(body, "name", required=True)})


class Users(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        page = paging.page_of(request, User.objects.order_by("pk"), default_size=3)
        return Response([user.pk for user in page.rows], headers=page.headers)


def run_sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def read_only() -> InternalError:
    error = InternalError("cannot execute INSERT in a read-only transaction")
    error.__cause__ = ReadOnlySqlTransaction()
    return error


def no_table() -> ProgrammingError:
    error = ProgrammingError("internal detail")
    error.__cause__ = UndefinedTable()
    return error


FAILURES: dict[str, Any] = {
    "conflict": errors.Conflict("it exists already"),
    "provider-403": ProviderError(403, "error - {code=403, message=Forbidden}"),
    "provider-500": ProviderError(500, "error - {code=500, message=Backend}"),
    "unreachable": ProviderUnreachable("the provider did not answer within 15 s"),
    "malformed": MalformedAnswer("the provider's answer is not JSON"),
    "grant-lost": GrantLost("the account must be connected again"),
    "refused": AddressRefused("10.0.0.1 is a private address"),
    "no-element": ElementNotFound("nonsense"),
    "configuration": ConfigurationError("event.poller.refresh_interval", "must be at least 1"),
    "404": Http404("internal detail"),
    "validation": ValidationError("the value is not right"),
    "no-database": OperationalError("internal detail"),
    "read-only": read_only(),
    "no-table-though-migrated": no_table(),
    "bug": RuntimeError("internal detail"),
}


class Failing(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request, kind: str) -> Response:
        if kind == "database":
            run_sql("SELECT 10000000000::int")
        raise FAILURES[kind]


def failing_outside(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("internal detail")


def read_only_outside(request: HttpRequest) -> HttpResponse:
    raise read_only()


handler400 = "api.errors.handler400"
handler403 = "api.errors.handler403"
handler404 = "api.errors.handler404"
handler500 = "api.errors.handler500"

urlpatterns = [
    path("elements/api-v2/platform", Platform.as_view()),
    path("elements/api-v2/hub", Hub.as_view()),
    path("elements/api-v2/either", Either.as_view()),
    path("elements/api-v2/echo", Echo.as_view()),
    path("elements/api-v2/named", Named.as_view()),
    path("elements/api-v2/users", Users.as_view()),
    path("elements/api-v2/failing/<kind>", Failing.as_view()),
    path("elements/api-v2/plain-view", failing_outside),
    path("page", failing_outside),
    path("read-only", read_only_outside),
]
