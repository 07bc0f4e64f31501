"""Labels.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels
"""

from collections.abc import Callable
from typing import Any

from integrations.gmail.sandbox import message_json
from integrations.gmail.sandbox.body_shape import Shape, read
from integrations.gmail.sandbox.contents import Label, LabelNameTakenError, NoSuchLabelError
from integrations.gmail.sandbox.errors import ApiError, not_found
from integrations.gmail.sandbox.label_colors import COLORS

from .call import Call

_SHAPE: Shape = {
    "id": "string",
    "name": "string",
    "type": ("system", "user"),
    "messageListVisibility": ("show", "hide"),
    "labelListVisibility": ("labelShow", "labelShowIfUnread", "labelHide"),
    "color": {"backgroundColor": "string", "textColor": "string"},
    "messagesTotal": "int32",
    "messagesUnread": "int32",
    "threadsTotal": "int32",
    "threadsUnread": "int32",
}
_LOOK = ("messageListVisibility", "labelListVisibility", "color")


def _list(call: Call) -> dict[str, Any]:
    return {"labels": [message_json.label(item) for item in call.mailbox.labels.all()]}


def _label(call: Call) -> Label:
    try:
        return call.mailbox.labels.one(call.ids["id"])
    except NoSuchLabelError as error:
        raise not_found() from error


def _get(call: Call) -> dict[str, Any]:
    label = _label(call)
    return message_json.label(label) | call.mailbox.labels.totals(label.label_id)


def _create(call: Call) -> dict[str, Any]:
    given = read(call.body, _SHAPE, "label")
    name = given.get("name", "")
    return _kept(lambda: call.mailbox.labels.create(name, _look(given)))


def _update(call: Call) -> dict[str, Any]:
    label = _users(call, "Invalid update request")
    given = read(call.body, _SHAPE, "label")
    name = given.get("name", "")
    return _kept(lambda: call.mailbox.labels.change(label.label_id, name, _look(given)))


def _patch(call: Call) -> dict[str, Any]:
    label = _users(call, "Invalid update request")
    given = read(call.body, _SHAPE, "label")
    name, look = given.get("name", label.name), {**label.look, **_look(given)}
    return _kept(lambda: call.mailbox.labels.change(label.label_id, name, look))


def _delete(call: Call) -> None:
    call.mailbox.delete_label(_users(call, "Invalid delete request").label_id)


def _users(call: Call, refusal: str) -> Label:
    """The label that the path names, which must not be one of Gmail's own."""
    label = _label(call)
    if label.system:
        raise ApiError(400, refusal)
    return label


def _look(given: dict[str, Any]) -> dict[str, Any]:
    color = given.get("color")
    if color is not None:
        for name in ("backgroundColor", "textColor"):
            if color.get(name) not in COLORS:
                raise ApiError(
                    400,
                    f"Label color {color.get(name, '')} is not on the allowed color palette: "
                    "see the documentation",
                )
    return {name: given[name] for name in _LOOK if name in given}


def _kept(keep: Callable[[], Label]) -> dict[str, Any]:
    try:
        return message_json.label(keep())
    except LabelNameTakenError as error:
        raise ApiError(409, "Label name exists or conflicts") from error
    except ValueError as error:
        raise ApiError(400, "Invalid label name") from error


ACTIONS = {
    "labels.list": _list,
    "labels.get": _get,
    "labels.create": _create,
    "labels.update": _update,
    "labels.patch": _patch,
    "labels.delete": _delete,
}
