"""Addresses that mail may be sent from: here the mailbox's own alone, whose look can be changed.

Source: https://developers.google.com/workspace/gmail/api/guides/alias_and_signature_settings
"""

from typing import Any

from integrations.gmail.sandbox.body_shape import Shape, read
from integrations.gmail.sandbox.errors import ApiError, not_found

from .call import Call

_KIND = "sendAs"
_SHAPE: Shape = {
    "sendAsEmail": "string", "displayName": "string", "replyToAddress": "string",
    "signature": "string", "isPrimary": "bool", "isDefault": "bool", "treatAsAlias": "bool",
    "verificationStatus": ("verificationStatusUnspecified", "accepted", "pending"),
    "smtpMsa": {
        "host": "string", "port": "int32", "username": "string", "password": "string",
        "securityMode": ("securityModeUnspecified", "none", "ssl", "starttls"),
    },
}  # fmt: skip
_CHANGEABLE = ("displayName", "replyToAddress", "signature")


def _own(call: Call) -> dict[str, Any]:
    return call.settings.item(_KIND, call.mailbox.address) or {
        "sendAsEmail": call.mailbox.address,
        "displayName": "",
        "replyToAddress": "",
        "signature": "",
        "isPrimary": True,
        "isDefault": True,
    }


def _list(call: Call) -> dict[str, Any]:
    return {_KIND: [_own(call)]}


def _get(call: Call) -> dict[str, Any]:
    if call.ids["sendAsEmail"].lower() != call.mailbox.address:
        raise not_found()
    return _own(call)


def _change(call: Call, *, replace: bool) -> dict[str, Any]:
    item = _get(call)
    given = read(call.body, _SHAPE, "send_as")
    if given.get("isDefault") is False:
        raise ApiError(400, "isDefault may only be set to true")
    cleared = dict.fromkeys(_CHANGEABLE, "") if replace else {}
    changes = {name: given[name] for name in _CHANGEABLE if name in given}
    return call.settings.put(_KIND, {**item, **cleared, **changes}, call.mailbox.address)


def _patch(call: Call) -> dict[str, Any]:
    return _change(call, replace=False)


def _update(call: Call) -> dict[str, Any]:
    return _change(call, replace=True)


ACTIONS = {
    "settings.sendAs.list": _list,
    "settings.sendAs.get": _get,
    "settings.sendAs.patch": _patch,
    "settings.sendAs.update": _update,
}
