"""What the resources' steps have in common: a request with a checked body, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from elements.calls import Call
from elements.errors import ParameterError
from elements.types import Field, Operation, Parameter
from integrations.gmail import record_body
from integrations.gmail.history import is_safe_id
from integrations.gmail.units import UNITS
from transport.types import Request, Response, Steps

ROOT = "/gmail/v1/users/me"


def safe_id(call: Call, name: str = "id") -> str:
    """The id of this name in the path. Raises ParameterError for what can be none of Gmail's."""
    value = call.path.get(name, "")
    if not is_safe_id(value):
        raise ParameterError(name, "must be an id as Gmail gives it")
    return value


def plain(method: str, path: str, vendor_method: str, description: str, **more: Any) -> Operation:
    """An operation that is Gmail's own, at Gmail's own path unless `vendor_path` is given."""
    vendor_path = more.pop("vendor_path", path)
    return Operation(
        method,
        path,
        f"{ROOT}{vendor_path}",
        description=description,
        units=UNITS[vendor_method],
        **more,
    )


def writing(
    method: str,
    path: str,
    vendor_method: str,
    description: str,
    fields: Sequence[Field],
    choices: record_body.Choices | None = None,
    *,
    vendor_path: str = "",
) -> Operation:
    """An operation that sends a record of these fields; PATCH sends only some of them."""
    partial = method == "PATCH"
    target = f"{ROOT}{vendor_path or path}"

    def steps(call: Call) -> Steps[dict[str, Any]]:
        body = record_body.read(call.body, fields, choices, partial=partial)
        response: Response = yield Request(
            method, filled(target, call), json=body, units=UNITS[vendor_method]
        )
        return response.object()

    return Operation(
        method,
        path,
        target,
        description=description,
        parameters=record_body.parameters(fields, partial=partial),
        units=UNITS[vendor_method],
        steps=steps,
    )


def filled(vendor_path: str, call: Call) -> str:
    """The vendor's path with what the call's path says in place of the names in braces."""
    for name, value in call.path.items():
        vendor_path = vendor_path.replace(f"{{{name}}}", quote(value, safe=""))
    return vendor_path


LABEL_CHANGE_FIELDS = (
    Field("addLabelIds", "array", "Ids of the labels to add"),
    Field("removeLabelIds", "array", "Ids of the labels to remove"),
)


def relabelling(path: str, vendor_method: str, description: str) -> Operation:
    """PATCH …/labels: adds and removes labels of a message or a whole thread."""
    vendor_path = path.removesuffix("labels") + "modify"

    def steps(call: Call) -> Steps[dict[str, Any]]:
        safe_id(call)
        body = record_body.read(call.body, LABEL_CHANGE_FIELDS)
        if not any(body.values()):
            raise ParameterError("addLabelIds, removeLabelIds", "one of them must name a label")
        response: Response = yield Request(
            "POST", filled(f"{ROOT}{vendor_path}", call), json=body, units=UNITS[vendor_method]
        )
        return response.object()

    return Operation(
        "PATCH",
        path,
        f"{ROOT}{vendor_path}",
        description=description,
        vendor_method="POST",
        parameters=record_body.parameters(LABEL_CHANGE_FIELDS),
        units=UNITS[vendor_method],
        steps=steps,
    )


SEARCH_PARAMETERS = (
    Parameter("where", description="Which ones: from='user@example.com' AND date>'2026-01-31'"),
    Parameter("q", description="Gmail's own search words"),
    Parameter("includeSpamTrash", description="true also lists spam and trash"),
)
LABEL_IDS = Parameter("labelIds", description="Comma-separated ids of labels it must have")
