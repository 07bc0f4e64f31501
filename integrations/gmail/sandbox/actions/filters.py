"""Filters: kept and shown, not applied to the mail that comes in.

Source: https://developers.google.com/workspace/gmail/api/guides/filter_settings
"""

from typing import Any

from integrations.gmail.sandbox.body_shape import Shape, read
from integrations.gmail.sandbox.errors import ApiError, not_found

from .call import Call
from .forwarding import may_forward_to

MAX_FILTERS = 1000
_KIND = "filters"
_SHAPE: Shape = {
    "id": "string",
    "criteria": {
        "from": "string", "to": "string", "subject": "string", "query": "string",
        "negatedQuery": "string", "hasAttachment": "bool", "excludeChats": "bool",
        "size": "int32", "sizeComparison": ("unspecified", "smaller", "larger"),
    },
    "action": {"addLabelIds": "strings", "removeLabelIds": "strings", "forward": "string"},
}  # fmt: skip


def _list(call: Call) -> dict[str, Any]:
    items = call.settings.items(_KIND)
    return {"filter": items} if items else {}


def _get(call: Call) -> dict[str, Any]:
    item = call.settings.item(_KIND, call.ids["id"])
    if item is None:
        raise not_found()
    return item


def _create(call: Call) -> dict[str, Any]:
    given = read(call.body, _SHAPE, "filter")
    criteria, action = given.get("criteria", {}), given.get("action", {})
    if not any(criteria.values()):
        raise ApiError(400, "Filter doesn't have any criteria")
    if not any(action.values()):
        raise ApiError(400, "Filter doesn't have any actions")
    call.mailbox.labels.known(action.get("addLabelIds", []) + action.get("removeLabelIds", []))
    if action.get("forward") and not may_forward_to(call, action["forward"]):
        raise ApiError(400, "Unrecognized forwarding address")
    there = call.settings.items(_KIND)
    if any((item["criteria"], item["action"]) == (criteria, action) for item in there):
        raise ApiError(400, "Filter already exists", "failedPrecondition")
    if len(there) >= MAX_FILTERS:
        raise ApiError(400, "Too many filters", "failedPrecondition")
    filter_id = f"ANe1Bm{call.mailbox.mint('filter'):x}"
    value = {"id": filter_id, "criteria": criteria, "action": action}
    return call.settings.put(_KIND, value, filter_id)


def _delete(call: Call) -> None:
    if not call.settings.remove(_KIND, call.ids["id"]):
        raise not_found()


ACTIONS = {
    "settings.filters.list": _list,
    "settings.filters.get": _get,
    "settings.filters.create": _create,
    "settings.filters.delete": _delete,
}
