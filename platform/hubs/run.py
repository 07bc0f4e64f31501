"""Runs one resource as its declaration says: what most resources need instead of a generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from api.errors import BadRequest
from elements.types import Call, Page, Resource
from transport.errors import MalformedAnswer
from transport.types import QueryValue, Request, Response, Steps


def list_steps(resource: Resource, call: Call) -> Steps[Page]:
    """One page of the resource: its own steps, or the declared request.

    Raises BadRequest naming a required parameter that is missing.
    """
    _require(resource, call.query)
    if resource.list_steps is not None:
        return resource.list_steps(call)
    return _declared_list(resource, call)


def get_steps(resource: Resource, call: Call) -> Steps[dict[str, Any]]:
    """One record by `call.object_id`."""
    if call.object_id in {"", ".", ".."}:
        raise BadRequest("id: must be the id of a record")
    if resource.get_steps is not None:
        return resource.get_steps(call)
    return _declared_get(resource, call)


def _require(resource: Resource, query: Mapping[str, str]) -> None:
    missing = [
        parameter.name
        for parameter in resource.parameters
        if parameter.required and not query.get(parameter.name, "").strip()
    ]
    if missing:
        raise BadRequest(f"Missing: {', '.join(missing)}")


def _declared_list(resource: Resource, call: Call) -> Steps[Page]:
    query = _vendor_query(resource, call.query)
    if resource.paging is not None:
        query[resource.paging.size_parameter] = min(call.page_size, resource.paging.largest)
        if call.page_token:
            query[resource.paging.token_parameter] = call.page_token
    response: Response = yield Request(
        "GET", resource.vendor_path, query, units=resource.list_units
    )
    answer = response.object()
    if not resource.root_key:
        return Page([answer])
    records = answer.get(resource.root_key) or []
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise MalformedAnswer(f"{resource.root_key} in the provider's answer is not a list")
    token = answer.get(resource.paging.next_token_key) if resource.paging else None
    return Page(records, token if isinstance(token, str) else "")


def _declared_get(resource: Resource, call: Call) -> Steps[dict[str, Any]]:
    response: Response = yield Request(
        "GET",
        f"{resource.vendor_path}/{quote(call.object_id, safe='')}",
        _vendor_query(resource, call.query),
        units=resource.get_units,
    )
    return response.object()


def _vendor_query(resource: Resource, query: Mapping[str, str]) -> dict[str, QueryValue]:
    return {
        parameter.vendor_name or parameter.name: query[parameter.name]
        for parameter in resource.parameters
        if query.get(parameter.name, "") != ""
    }
