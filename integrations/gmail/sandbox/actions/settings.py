"""Settings that a mailbox has once: vacation, forwarding of all mail, IMAP and POP.

A PUT replaces the whole: what isn't given falls back to its default.
Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings
"""

from collections.abc import Callable, Mapping
from typing import Any

from integrations.gmail.sandbox.body_shape import Shape, read
from integrations.gmail.sandbox.errors import ApiError
from integrations.gmail.sandbox.mailbox_settings import DEFAULTS

from .call import Call
from .forwarding import may_forward_to

DISPOSITIONS = ("dispositionUnspecified", "leaveInInbox", "archive", "trash", "markRead")
FOLDER_SIZES = (0, 1000, 2000, 5000, 10_000)
_REPLY = ("responseSubject", "responseBodyPlainText", "responseBodyHtml")

SHAPES: Mapping[str, Shape] = {
    "vacation": {
        "enableAutoReply": "bool", "responseSubject": "string", "responseBodyPlainText": "string",
        "responseBodyHtml": "string", "restrictToContacts": "bool", "restrictToDomain": "bool",
        "startTime": "int64", "endTime": "int64",
    },
    "autoForwarding": {
        "enabled": "bool", "emailAddress": "string", "disposition": DISPOSITIONS,
    },
    "imap": {
        "enabled": "bool", "autoExpunge": "bool", "maxFolderSize": "int32",
        "expungeBehavior": ("expungeBehaviorUnspecified", "archive", "trash", "deleteForever"),
    },
    "pop": {
        "accessWindow": ("accessWindowUnspecified", "disabled", "fromNowOn", "allMail"),
        "disposition": DISPOSITIONS,
    },
}  # fmt: skip


def _check_vacation(call: Call, value: Mapping[str, Any]) -> None:
    if value["enableAutoReply"] and not any(value.get(name) for name in _REPLY):
        raise ApiError(400, "Either the response subject or the response body must be nonempty")
    start, end = value.get("startTime"), value.get("endTime")
    if start is not None and end is not None and int(start) >= int(end):
        raise ApiError(400, "startTime must precede endTime")


def _check_auto_forwarding(call: Call, value: Mapping[str, Any]) -> None:
    if not value["enabled"]:
        return
    if not may_forward_to(call, value.get("emailAddress", "")):
        raise ApiError(400, "Unrecognized forwarding address")
    if value.get("disposition", DISPOSITIONS[0]) == DISPOSITIONS[0]:
        raise ApiError(400, "Invalid disposition")


def _check_imap(call: Call, value: Mapping[str, Any]) -> None:
    if value["maxFolderSize"] not in FOLDER_SIZES:
        raise ApiError(400, "Invalid max folder size")


def _check_pop(call: Call, value: Mapping[str, Any]) -> None:
    if value["accessWindow"] == "accessWindowUnspecified":
        raise ApiError(400, "Invalid access window")


_CHECKS = {
    "vacation": _check_vacation,
    "autoForwarding": _check_auto_forwarding,
    "imap": _check_imap,
    "pop": _check_pop,
}


def _getter(kind: str) -> Callable[[Call], dict[str, Any]]:
    return lambda call: call.settings.value(kind)


def _putter(kind: str) -> Callable[[Call], dict[str, Any]]:
    def put(call: Call) -> dict[str, Any]:
        value = {**DEFAULTS[kind], **read(call.body, SHAPES[kind], kind)}
        _CHECKS[kind](call, value)
        return call.settings.put(kind, value)

    return put


ACTIONS = {
    **{f"settings.get{kind[0].upper()}{kind[1:]}": _getter(kind) for kind in SHAPES},
    **{f"settings.update{kind[0].upper()}{kind[1:]}": _putter(kind) for kind in SHAPES},
}
