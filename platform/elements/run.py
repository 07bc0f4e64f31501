"""Runs one operation as its declaration says: what most need instead of a generator."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from elements import listed_page
from elements.calls import Call, Page
from elements.errors import ParameterError
from elements.json_key import ABSENT, at
from elements.listed_page import PageNumber
from elements.types import Operation, Paging, PagingKind, Parameter, Place
from transport.types import QueryValue, Request, Response, Steps

INTERPOLATED = re.compile(r"\$\{([^${}]*)\}|\{(\w+)\}")
TRUTHS = {"true": True, "false": False}


def list_steps(operation: Operation, call: Call) -> Steps[Page]:
    """One page of a listing.

    Raises ParameterError naming a parameter that is missing or cannot be used, and MalformedAnswer
    where the answer is no such page.
    """
    _require(operation, call)
    if operation.steps is not None:
        return operation.steps(call)
    return _declared_list(operation, call)


def answer_steps(operation: Operation, call: Call) -> Steps[Any]:
    """What an operation that lists nothing answers, as JSON; None when it is empty.

    Raises ParameterError naming a parameter that is missing or cannot be used.
    """
    _require(operation, call)
    if operation.steps is not None:
        return operation.steps(call)
    return _declared_answer(operation, call)


def found_at(value: Any, key: str) -> Any:
    """Return what stands at `key` of a JSON value (elements.json_key); None when nothing does."""
    found = at(value, key)
    return None if found is ABSENT else found


def _require(operation: Operation, call: Call) -> None:
    for name, value in call.path.items():
        if value in {"", ".", ".."}:
            raise ParameterError(name, "must be the id of a record")
    missing = [
        parameter.name
        for parameter in operation.parameters
        if parameter.required and _given(parameter, call) in (None, "")
    ]
    if missing:
        raise ParameterError(", ".join(missing), "missing")


def _given(parameter: Parameter, call: Call) -> Any:
    """What the caller gave for the parameter; None when nothing."""
    match parameter.place:
        case Place.QUERY:
            return call.query.get(parameter.name)
        case Place.PATH:
            return call.path.get(parameter.name)
        case Place.HEADER:
            return call.headers.get(parameter.name.lower())
        case Place.BODY:
            return call.body
        case Place.BODY_FIELD:
            return found_at(call.body, parameter.name)
        case Place.CONFIGURATION:
            return call.configuration.get(parameter.name)
        case Place.VALUE:
            return parameter.name


# --- The declared request ------------------------------------------------------------------------


def _declared_list(operation: Operation, call: Call) -> Steps[Page]:
    """One page, with a second request only where one doesn't say whether it is the last."""
    paging = operation.paging
    response = yield from _asked(operation, call)
    if response.status in operation.empty_statuses and not call.page_token:
        return Page([])
    records = listed_page.records_of(operation, response)
    if paging is None:
        return Page(records)
    if not listed_page.is_numbered(paging):
        token = listed_page.token_of(paging, response)
        if token is None and not call.page_token and _is_full(records, paging, call):
            again = replace(call, page_size=len(records) - 1)
            listed_page.require_token(paging, (yield from _asked(operation, again)))
        return Page(records, token or "")
    number = PageNumber.of(call.page_token, paging)
    if records and number.repeats(records):
        if number.is_second(records, paging) and len(records) > 1:
            again = replace(call, page_size=len(records) - 1)
            fewer = listed_page.records_of(operation, (yield from _asked(operation, again)))
            listed_page.require_clamped(records, fewer)
        return Page([])
    return Page(records, number.after(records, paging) if records else "")


def _asked(operation: Operation, call: Call) -> Steps[Response]:
    paging = operation.paging
    query = {} if paging is None else page_query(paging, call, call.page_token)
    response: Response = yield request_of(operation, call, query)
    return response


def _is_full(records: Sequence[Any], paging: Paging, call: Call) -> bool:
    """Return whether a page may have been cut at the size that was asked for."""
    return bool(paging.size_parameter) and 1 < len(records) >= min(call.page_size, paging.largest)


def _declared_answer(operation: Operation, call: Call) -> Steps[Any]:
    response: Response = yield request_of(operation, call)
    response.raise_for_status()
    if not response.body.strip():
        return None
    return found_at(response.json(), operation.root_key)


def request_of(
    operation: Operation, call: Call, page: Mapping[str, QueryValue] | None = None
) -> Request:
    """The request that the operation declares; `page` is the part of the query that pages.

    Raises ParameterError naming a parameter that cannot be sent.
    """
    query: dict[str, QueryValue] = {**call.further, **(page or {})}
    headers: dict[str, str] = {}
    fields: dict[str, Any] = {}
    body: Any = None
    for parameter in operation.parameters:
        value = _given(parameter, call)
        if value is None or value == "":
            continue
        name = parameter.vendor_name or parameter.name
        match parameter.vendor_place or parameter.place:
            case Place.QUERY | Place.CONFIGURATION | Place.VALUE:
                query[name] = _query_value(value)
            case Place.HEADER:
                headers[name] = _header_value(parameter.name, value)
            case Place.BODY:
                body = value
            case Place.BODY_FIELD:
                _put(fields, name, _typed(parameter, value))
            case Place.PATH:
                pass  # stands in the vendor's path by its name
    if fields:
        body = {**(body if isinstance(body, dict) else {}), **fields}
    return Request(
        operation.vendor_method or operation.method,
        vendor_path(operation, call),
        query,
        json=body,
        headers=headers,
        units=operation.units,
    )


def vendor_path(operation: Operation, call: Call) -> str:
    """The provider's path with all that its braces stand for.

    Raises ParameterError naming what is missing, or has no place in a path.
    """
    vendor_names = {
        parameter.vendor_name: parameter.name
        for parameter in operation.parameters
        if parameter.vendor_name and Place.PATH in (parameter.place, parameter.vendor_place)
    }

    def filled(found: re.Match[str]) -> str:
        configured, name = found.groups()
        if configured is not None:
            return _configured(configured, call)
        value = call.path.get(name) or call.path.get(vendor_names.get(name, ""), "")
        return quote(value, safe="")

    return INTERPOLATED.sub(filled, operation.vendor_path)


def _configured(name: str, call: Call) -> str:
    """The value of `${name}`; after a + as several segments (RFC 6570 section 3.2.3)."""
    key = name.removeprefix("+").removeprefix("configuration.")
    value = call.configuration.get(key, "").strip()
    if not value:
        raise ParameterError(f"configuration.{key}", "missing")
    if not name.startswith("+"):
        return quote(value, safe="")
    if {"", ".", ".."} & {*value.split("/")}:
        raise ParameterError(
            f"configuration.{key}", "must be parts of a path with a / between them"
        )
    return quote(value, safe="/")


def _query_value(value: Any) -> QueryValue:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | int) else str(value)


def _header_value(name: str, value: Any) -> str:
    text = str(value)
    if not text.isascii() or not text.isprintable():
        raise ParameterError(name, "must be printable ASCII: it is sent as a header")
    return text


def _typed(parameter: Parameter, value: Any) -> Any:
    """A text of the query or the configuration as the JSON type that the vendor's body wants."""
    if not isinstance(value, str) or parameter.data_type == "string":
        return value
    convert: Mapping[str, Callable[[str], Any]] = {
        "integer": int,
        "number": float,
        "boolean": lambda text: TRUTHS[text.strip().lower()],
    }
    if parameter.data_type not in convert:
        return value
    wrong = ParameterError(parameter.name, f"must be of type {parameter.data_type}")
    try:
        typed = convert[parameter.data_type](value)
    except (ValueError, KeyError):
        raise wrong from None
    if isinstance(typed, float) and not math.isfinite(typed):
        raise wrong  # JSON has neither NaN nor the infinities
    return typed


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    *above, last = name.split(".")
    for part in above:
        below = fields.setdefault(part, {})
        if not isinstance(below, dict):
            return
        fields = below
    fields[last] = value


# --- Paging --------------------------------------------------------------------------------------


def page_query(paging: Paging, call: Call, token: str) -> dict[str, QueryValue]:
    """Return the part of a listing's query that asks for the page of a token; empty: the first."""
    query: dict[str, QueryValue] = {}
    if paging.size_parameter:
        query[paging.size_parameter] = min(call.page_size, paging.largest)
    if listed_page.is_numbered(paging):
        query[paging.token_parameter] = PageNumber.of(token, paging).number
    elif token:
        query[paging.token_parameter] = token
    elif paging.kind == PagingKind.PAGE:
        query[paging.token_parameter] = paging.first_page
    elif paging.kind == PagingKind.OFFSET:
        query[paging.token_parameter] = 0
    return query
