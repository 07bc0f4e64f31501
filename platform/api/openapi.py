"""The OpenAPI document of all endpoints: drf-spectacular finds them, this module describes them.

Rule 1: what `api.schema.documented` says of a method is said of each path that leads to it.
Rule 2: a path is named without its optional trailing slash, and an operation's id follows from its
method and path alone: generated clients keep their names when endpoints are added.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.contrib.admindocs.utils import replace_named_groups
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import AllowAny

from api import paging
from api.request_id import HEADER
from api.schema import IN_PATHS, SHAPES, Documentation, Pages, Schema, documentation_of, shape

PREFIX = "/elements/api-v2"
ERROR = shape(
    "Error",
    {
        "requestId": {"type": "string", "description": "the id of the request, for the log"},
        "message": {"type": "string", "description": "what was wrong, and where"},
        "providerMessage?": {
            "type": "string",
            "description": "what the provider said, only when it made the error",
        },
    },
)
AUTHORIZATION = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": (
        "Pairs of scheme and secret, separated by commas, in any order: "
        "`User <user secret>, Organization <organization secret>` for the platform's own "
        "endpoints, `User <user secret>, Element <instance token>` for what runs on one element "
        "instance, or all three."
    ),
}
ANYWHERE: tuple[int | str, ...] = (400, 401, 406, 413, 429, 503)
WITH_SECRETS = (403,)
WITH_A_BODY = (411, 415)
WITH_AN_ID = (404,)

ERROR_MESSAGES: dict[int | str, str] = {
    400: "name must be a string, not a number",
    401: "Invalid Organization or User secret, or invalid Element token provided.",
    403: "this is not allowed",
    404: "No element instance found with id 17",
    405: "the method is not allowed at this address",
    406: "answers are application/json: the Accept header must allow that",
    409: "this exists already",
    411: "send the body with a Content-Length header, not in chunks",
    413: "the body is larger than 1048576 bytes",
    415: "send the body as JSON, with Content-Type: application/json",
    422: "the webhook is not understood: nothing stands at data.entries",
    429: "too many requests: try again in 12 seconds",
    502: "the provider cannot be reached",
    503: "the database cannot be reached: try again later",
    "4XX": "whatever the provider refuses the request with",
}
HEADERS = {
    HEADER: "the id of the request: 24 hexadecimal digits",
    "Elements-Returned-Count": "how many records the answer has",
    "Elements-Total-Count": "how many records there are, where that is known",
    "Elements-Next-Page-Token": "leads to the next page, as nextPage; absent on the last one",
    "Elements-Error": "how the request was served otherwise than asked",
    "Retry-After": "seconds until another request may be let through",
}
WITH_RETRY_AFTER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
PAGE_PARAMETERS = (
    (
        "pageSize",
        f"records of a page: {paging.DEFAULT_SIZE} unless given, at most {paging.LARGEST_SIZE}",
        {"type": "integer", "minimum": 1, "maximum": paging.MOST_ASKED},
    ),
    ("page", "the number of the page, from 1", {"type": "integer", "minimum": 1}),
    (
        "nextPage",
        "the header Elements-Next-Page-Token of the page before; it wins over `page`",
        {"type": "string"},
    ),
)


class Enumerator(EndpointEnumerator):
    def get_path_from_regex(self, path_regex: str) -> str:
        """`elements/api-v2/^instances/(?P<instance_id>[0-9]+)/?$` as /…/instances/{instance_id}."""
        path = replace_named_groups(path_regex).replace("^", "").replace("\\", "")
        path = path.removesuffix("$").removesuffix("/?")
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


class Generator(SchemaGenerator):
    endpoint_inspector_cls = Enumerator


class Operation(AutoSchema):
    """Describes one method at one path. A method that is not `documented` is left out."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        said = documentation_of(getattr(self.view, method.lower()))
        if said is None:
            return None
        names = re.findall(r"{(\w+)}", path)
        self.view.kwargs = dict.fromkeys(names, "0")
        needs = said.needs if said.needs is not None else _needed(self.view.get_permissions())
        operation: dict[str, Any] = {
            "operationId": _operation_id(method, path),
            "summary": said.summary,
            "description": "\n\n".join(filter(None, (said.description, _needs_text(needs)))),
            "tags": [type(self.view).__module__.split(".")[0]],
            "parameters": [*map(_in_path, names), *said.parameters, *_of_pages(said)],
            "security": [{"Authorization": []}] if needs else [],
            "responses": _responses(said, bool(names), bool(needs)),
        }
        if said.request is not None:
            operation["requestBody"] = {
                "required": said.request_required,
                "content": _content(said.request_types, said.request, said.request_example),
            }
        return operation


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's last hook: what operations refer to, beside the shapes they use."""
    components = result.setdefault("components", {})
    components["schemas"] = dict(sorted(SHAPES.items()))
    components["securitySchemes"] = {"Authorization": AUTHORIZATION}
    components["headers"] = {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in HEADERS.items()
    }
    components["responses"] = {f"Error{status}": _error(status) for status in ERROR_MESSAGES}
    return result


def _operation_id(method: str, path: str) -> str:
    """`getInstancesByInstanceIdEvents` for GET /instances/{instance_id}/events."""
    words = [method.lower()]
    for part in path.removeprefix(PREFIX).strip("/").split("/"):
        name = f"by_{part.strip('{}')}" if part.startswith("{") else part
        words += [word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", name)]
    return "".join(words)


def _needed(permissions: Iterable[Any]) -> str:
    """Whose secrets the permission classes ask for; empty for nobody's."""
    said = [
        getattr(permission, "needs", "User and Organization")
        for permission in permissions
        if not isinstance(permission, AllowAny)
    ]
    return " and ".join(said)


def _needs_text(needs: str) -> str:
    return f"Authorization: {needs}." if needs else "Nobody has to say who they are."


def _in_path(name: str) -> Schema:
    if name not in IN_PATHS:
        raise ValueError(f"api.schema.in_path has not been told what {{{name}}} is in a path")
    return IN_PATHS[name]


def _of_pages(said: Documentation) -> list[dict[str, Any]]:
    if said.pages is not Pages.CUT:
        return []
    own = {parameter["name"] for parameter in said.parameters}
    return [
        {"name": name, "in": "query", "description": description, "schema": schema}
        for name, description, schema in PAGE_PARAMETERS
        if name not in own
    ]


def _responses(said: Documentation, has_id: bool, needs_secrets: bool) -> dict[str, Any]:
    statuses: set[int | str] = {*ANYWHERE, *said.errors}
    statuses.update(WITH_AN_ID if has_id else ())
    statuses.update(WITH_SECRETS if needs_secrets else ())
    statuses.update(WITH_A_BODY if said.request is not None else ())
    success: dict[str, Any] = {
        "description": HTTPStatus.OK.phrase if said.answer is not None else "done; an empty body",
        "headers": _headers(said),
    }
    if said.answer is not None:
        success["content"] = _content(said.answer_types, said.answer, said.example)
    return {
        "200": success,
        **{
            str(status): {"$ref": f"#/components/responses/Error{status}"}
            for status in sorted(statuses, key=str)
        },
    }


def _headers(said: Documentation) -> dict[str, Any]:
    shared = [HEADER]
    if said.pages is not None:
        shared += ["Elements-Returned-Count", "Elements-Total-Count"]
    if said.pages is Pages.CUT:
        shared += ["Elements-Next-Page-Token", "Elements-Error"]
    return {
        **{name: {"$ref": f"#/components/headers/{name}"} for name in shared},
        **{
            name: {"description": description, "schema": {"type": "string"}}
            for name, description in said.headers.items()
        },
    }


def _content(types: Iterable[str], schema: Any, example: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"schema": schema}
    if example is not None:
        described["example"] = example
    return dict.fromkeys(types, described)


def _error(status: int | str) -> dict[str, Any]:
    names = [HEADER, "Retry-After"] if status in WITH_RETRY_AFTER else [HEADER]
    phrase = HTTPStatus(status).phrase if isinstance(status, int) else "Refused by the provider"
    example = {"requestId": "5f0c1e2d3a4b5c6d7e8f9a0b", "message": ERROR_MESSAGES[status]}
    return {
        "description": phrase,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {"application/json": {"schema": ERROR, "example": example}},
    }
