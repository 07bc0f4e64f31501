"""An element described in Swagger 2.0 (https://swagger.io/specification/v2/), for its hub calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from elements.types import Element, Field, Operation, Parameter, Place, Resource

API_ROOT = "/elements/api-v2"
VERSION = "api-v2"
ERROR = "Error"
DEFINITIONS = "#/definitions/"
# In Swagger's `type`: what may stand in a path, a query or a header.
PLAIN_TYPES = frozenset({"string", "integer", "number", "boolean"})
LISTING_PARAMETERS = (
    Parameter("where", description="A condition, as in SQL: status='open'"),
    Parameter("fields", description="Comma-separated fields that records are answered with"),
    Parameter("orderBy", description="A field, and asc or desc behind it"),
    Parameter("pageSize", description="Records a page", data_type="integer"),
    Parameter("page", description="The page's number, from 1", data_type="integer"),
    Parameter("nextPage", description="The header Elements-Next-Page-Token of the page before"),
)


def of(element: Element, resource: Resource | None = None, *, host: str = "") -> dict[str, Any]:
    """The description of an element, or of one resource of it alone.

    `host` is the platform's, with its port.
    """
    resources = element.resources if resource is None else (resource,)
    body: dict[str, Any] = {
        "swagger": "2.0",
        "info": {
            "title": element.name if resource is None else f"{element.name}: {resource.name}",
            "description": element.description if resource is None else resource.description,
            "version": VERSION,
        },
        "basePath": f"{API_ROOT}/hubs/{element.hub}",
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {
            "Authorization": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`User <user secret>, Element <instance token>`",
            }
        },
        "security": [{"Authorization": []}],
        "tags": [{"name": one.name, "description": one.description} for one in resources],
        "paths": _paths(resources),
        "definitions": {
            ERROR: _error(),
            **{definition_name(one): _record(one.fields) for one in resources},
        },
    }
    if host:
        body["host"] = host
    return body


def of_operation(element: Element, name: str, *, host: str = "") -> dict[str, Any] | None:
    """Return the description of the operation with that operationId alone.

    None where the element has none. It is as `of` has it, with the definitions that it refers to.
    """
    whole = of(element, host=host)
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] == name:
                return {
                    **whole,
                    "tags": [one for one in whole["tags"] if one["name"] in operation["tags"]],
                    "paths": {path: {method: operation}},
                    "definitions": _referred_to(operation, whole["definitions"]),
                }
    return None


def _referred_to(value: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:
    names = set(re.findall(rf'"{DEFINITIONS}([^"]+)"', json.dumps(value)))
    return {name: one for name, one in definitions.items() if name in names}


def definition_name(resource: Resource) -> str:
    """The name of its records among the definitions. Not that of another thing there."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", resource.name)
    return f"{name}_record" if name == ERROR else name


def operation_id(operation: Operation) -> str:
    """`getMessagesById` of GET /messages/{id}."""
    words = [operation.method.lower()]
    for part in operation.path.strip("/").split("/"):
        name = f"by {part.strip('{}')}" if part.startswith("{") else part
        words += [word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    return "".join(words)


def _paths(resources: Iterable[Resource]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    taken: set[str] = set()
    for resource in resources:
        for operation in resource.operations:
            name = operation_id(operation)
            while name in taken:
                name += "_"
            taken.add(name)
            methods = paths.setdefault(operation.path, {})
            methods[operation.method.lower()] = _operation(resource, operation, name)
    return paths


def _operation(resource: Resource, operation: Operation, name: str) -> dict[str, Any]:
    record = {"$ref": f"#/definitions/{definition_name(resource)}"}
    answer: Mapping[str, Any] = {"type": "array", "items": record} if operation.listing else record
    own = operation.path in {resource.root, f"{resource.root}/{{id}}"}
    success: dict[str, Any] = {"description": "OK"}
    if own and operation.method != "DELETE":
        success["schema"] = answer
    if operation.listing:
        success["headers"] = {
            "Elements-Returned-Count": {"type": "string", "description": "Records of this page"},
            "Elements-Next-Page-Token": {
                "type": "string",
                "description": "For nextPage; absent on the last page",
            },
        }
    return {
        "operationId": name,
        "tags": [resource.name],
        "summary": operation.description or f"{operation.method} {operation.path}",
        "description": operation.description or resource.description,
        "parameters": _parameters(operation, record),
        "responses": {
            "200": success,
            "default": {
                "description": "What went wrong",
                "schema": {"$ref": f"#/definitions/{ERROR}"},
            },
        },
    }


# --- Parameters ----------------------------------------------------------------------------------


def _parameters(operation: Operation, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    declared = {one.name: one for one in operation.parameters if one.place == Place.PATH}
    named = re.findall(r"\{(\w+)\}", operation.path)
    found = [_path_parameter(name, declared.get(name)) for name in named]
    plain = [one for one in operation.parameters if one.place in (Place.QUERY, Place.HEADER)]
    if operation.listing:
        names = {one.name for one in plain}
        plain += [one for one in LISTING_PARAMETERS if one.name not in names]
    seen: set[tuple[str, str]] = set()
    for one in plain:
        if (one.name, one.place) not in seen:
            seen.add((one.name, one.place))
            found.append(_plain_parameter(one))
    body = _body(operation, record)
    return [*found, body] if body else found


def _path_parameter(name: str, declared: Parameter | None) -> dict[str, Any]:
    kind = declared.data_type if declared is not None else "string"
    return {
        "name": name,
        "in": "path",
        "required": True,
        "type": kind if kind in PLAIN_TYPES else "string",
        "description": declared.description if declared is not None else "",
    }


def _plain_parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place.value,
        "required": parameter.required,
        "type": parameter.data_type if parameter.data_type in PLAIN_TYPES else "string",
        "description": parameter.description,
    }


def _body(operation: Operation, record: Mapping[str, Any]) -> dict[str, Any] | None:
    whole = [one for one in operation.parameters if one.place == Place.BODY]
    parts = [one for one in operation.parameters if one.place == Place.BODY_FIELD]
    if not whole and not parts:
        return None
    fields = tuple(
        Field(one.name, one.data_type, one.description, required=one.required) for one in parts
    )
    schema: Mapping[str, Any] = record if whole else _record(fields)
    if whole and parts:
        schema = {"allOf": [record, _record(fields)]}
    return {
        "name": whole[0].name if whole else "body",
        "in": "body",
        "required": any(one.required for one in (*whole, *parts)),
        "description": whole[0].description if whole else "",
        "schema": schema,
    }


# --- Records -------------------------------------------------------------------------------------


def _record(fields: Iterable[Field]) -> dict[str, Any]:
    """The schema of a record; dots in names are nesting."""
    schema: dict[str, Any] = {"type": "object"}
    for field in fields:
        *above, last = field.name.split(".")
        here = schema
        for part in above:
            here = here.setdefault("properties", {}).setdefault(part, {})
            here["type"] = "object"
        held = here.setdefault("properties", {}).get(last, {})
        here["properties"][last] = {**held, **_field(field)}
        if field.required and not field.read_only:
            required = here.setdefault("required", [])
            if last not in required:
                required.append(last)
    return schema


def _field(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"type": field.type}
    if field.type == "array":
        described["items"] = {}
    if field.description:
        described["description"] = field.description
    if field.read_only:
        described["readOnly"] = True
    return described


def _error() -> dict[str, Any]:
    return _record(
        (
            Field("requestId", description="Finds the request in the platform's log"),
            Field("message", description="What is wrong, and what would be right"),
            Field("providerMessage", description="What the provider said, where it was that"),
        )
    )
