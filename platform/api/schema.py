"""What an endpoint says of itself for /elements/api-v2/openapi.json.

An app writes the shapes of its JSON once, beside its views (`<app>/schema.py`), and marks each
method of a view with `documented`. What every endpoint shares (errors, headers, paging, the
Authorization header, the parameters in a path) is added by `api.openapi`.

Rule 1: an example is what the platform really answers; a test holds it against its shape.
Rule 2: a shape names every field of an answer; the schema test refuses one that it doesn't name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

Schema = Mapping[str, Any]  # JSON Schema 2020-12, as OpenAPI 3.1 has it
Method = TypeVar("Method", bound=Callable[..., Any])

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
DECIMAL: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
ANYTHING: Schema = {}
AN_OBJECT: Schema = {"type": "object"}  # of any fields
# What fields.text, fields.flag and fields.integer read in a body or a query, string forms too.
FLAG_OR_TEXT: Schema = {"type": ["boolean", "string"]}
NUMBER_OR_TEXT: Schema = {"type": ["integer", "string"]}
# The values of a configuration, in requests: stored and answered as strings.
SCALAR: Schema = {"type": ["string", "number", "boolean", "object", "null"]}

SHAPES: dict[str, dict[str, Any]] = {}  # components.schemas of the document, by name
IN_PATHS: dict[str, Schema] = {}  # parameters in paths, by the name that URL patterns give them


def shape(name: str, properties: Mapping[str, Schema], description: str = "") -> Schema:
    """Names a JSON object and answers the reference to it. A property `name?` may be absent;
    of `name` and `name?` the later counts.

    An answer has the named properties and no others; a request may have others, which are
    ignored. For a request, mark everything that may be left out.
    """
    if name in SHAPES:
        raise ValueError(f"there are two shapes with the name {name}")
    required = {key.removesuffix("?"): not key.endswith("?") for key in properties}
    SHAPES[name] = {
        "type": "object",
        "properties": {key.removesuffix("?"): dict(below) for key, below in properties.items()},
        "required": [key for key, always in required.items() if always],
    }
    if description:
        SHAPES[name]["description"] = description
    return {"$ref": f"#/components/schemas/{name}"}


def listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def nullable(schema: Schema) -> Schema:
    if "type" in schema and isinstance(schema["type"], str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: str) -> Schema:
    """One of these strings."""
    return {"type": "string", "enum": list(values)}


def by_key(value: Schema) -> Schema:
    """An object whose keys are data: `configuration`."""
    return {"type": "object", "additionalProperties": value}


def described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def query(
    name: str,
    description: str,
    schema: Schema = TEXT,
    *,
    example: Any = None,
    required: bool = False,
) -> Schema:
    """A parameter of the query string."""
    return _parameter("query", name, description, schema, example, required)


def header(
    name: str,
    description: str,
    schema: Schema = TEXT,
    *,
    example: Any = None,
    required: bool = False,
) -> Schema:
    """A header of the request."""
    return _parameter("header", name, description, schema, example, required)


def _parameter(
    place: str, name: str, description: str, schema: Schema, example: Any, required: bool
) -> Schema:
    parameter: dict[str, Any] = {
        "name": name,
        "in": place,
        "description": description,
        "required": required,
        "schema": schema,
    }
    if example is None:
        return parameter
    if required:
        return parameter | {"example": example}
    # Swagger UI fills in what is beside the schema: the first try would ask for what isn't there.
    return parameter | {"schema": {**schema, "examples": [example]}}


def in_path(name: str, description: str, schema: Schema = NUMBER, *, example: Any = 1) -> None:
    """Says what URL patterns mean by `name`, wherever it stands in a path."""
    IN_PATHS[name] = _parameter("path", name, description, schema, example, required=True)


WHERE = query(
    "where", "A condition, as in SQL: docs/where.md. Which fields it may name is said above."
)

in_path("element", "the key or the id of the element", TEXT, example="gmail")
in_path("key_or_id", "the key or the id of the element", TEXT, example="gmail")
in_path("instance_id", "the id of the element instance")
in_path("row_id", "the id of the configuration row")
in_path("event_id", "the id of the event")
in_path("hub", "any hub: it is not looked at", TEXT, example="general")
in_path("resource", "a resource of the element", TEXT, example="messages")
in_path("object_id", "the provider's id of the object", TEXT, example="18c2f0b1a2d3e4f5")


class Pages(Enum):
    """How a list is answered: cut into pages, or whole. Both bring counts in headers."""

    CUT = "pages"  # api.paging.page_of
    WHOLE = "whole"  # api.paging.whole_list


PAGED = Pages.CUT
WHOLE = Pages.WHOLE


@dataclass(frozen=True, slots=True)
class Documentation:
    summary: str
    description: str
    request: Schema | None
    request_example: Any
    request_types: tuple[str, ...]
    request_required: bool
    answer: Schema | None
    example: Any
    answer_types: tuple[str, ...]
    errors: tuple[int | str, ...]
    parameters: tuple[Schema, ...]
    pages: Pages | None
    headers: Mapping[str, str]
    needs: str | None


def documented(
    summary: str,
    *,
    description: str = "",
    request: Schema | None = None,
    request_example: Any = None,
    request_types: Sequence[str] = ("application/json",),
    request_required: bool = True,
    answer: Schema | None = None,
    example: Any = None,
    answer_types: Sequence[str] = ("application/json",),
    errors: Sequence[int | str] = (),
    parameters: Sequence[Schema] = (),
    pages: Pages | None = None,
    headers: Mapping[str, str] | None = None,
    needs: str | None = None,
) -> Callable[[Method], Method]:
    """Marks a view's method (`get`, `post` …) with what it reads and answers.

    `summary` is a line in the imperative; the method's docstring is the description unless one is
    given. A request may do without a body unless `request_required`. No `answer` is an empty body,
    with status 200 as every success. `errors` names statuses beyond those that follow from the
    rest: 400, 401, 406, 413, 429 and 503 anywhere, 404 where the path has a parameter, 403 where
    secrets are needed, 411 and 415 with a request body. "4XX" in it stands for whatever a provider
    answers. `headers` are further ones of the answer, each with its description. `needs` says whose
    secrets, where the view's permission class can't.
    """

    def mark(method: Method) -> Method:
        documentation = Documentation(
            summary=summary,
            description=description or _paragraphs(method.__doc__ or ""),
            request=request,
            request_example=request_example,
            request_types=tuple(request_types),
            request_required=request_required,
            answer=answer,
            example=example,
            answer_types=tuple(answer_types),
            errors=tuple(errors),
            parameters=tuple(parameters),
            pages=pages,
            headers=headers or {},
            needs=needs,
        )
        method.__dict__["documentation"] = documentation
        return method

    return mark


def documentation_of(method: Callable[..., Any]) -> Documentation | None:
    found = getattr(method, "documentation", None)
    return found if isinstance(found, Documentation) else None


def _paragraphs(docstring: str) -> str:
    return "\n".join(line.strip() for line in docstring.strip().splitlines())
