"""Addresses that mail may be forwarded to.

An address of the mailbox's own domain, or one whose mailbox is here, is accepted at once; any
other stays pending, as nobody can answer the mail that would ask for its owner's consent.
Source: https://developers.google.com/workspace/gmail/api/guides/forwarding_settings
"""

from typing import Any

from integrations.gmail.sandbox.body_shape import Shape, read
from integrations.gmail.sandbox.contents import NoSuchMailboxError
from integrations.gmail.sandbox.errors import ApiError, not_found

from .call import Call

_KIND = "forwardingAddresses"
_SHAPE: Shape = {
    "forwardingEmail": "string",
    "verificationStatus": ("verificationStatusUnspecified", "accepted", "pending"),
}


def may_forward_to(call: Call, address: str) -> bool:
    """Whether the address is on the list, and accepted."""
    item = call.settings.item(_KIND, address.lower()) if address else None
    return item is not None and item["verificationStatus"] == "accepted"


def _list(call: Call) -> dict[str, Any]:
    items = call.settings.items(_KIND)
    return {_KIND: items} if items else {}


def _get(call: Call) -> dict[str, Any]:
    item = call.settings.item(_KIND, call.ids["forwardingEmail"].lower())
    if item is None:
        raise not_found()
    return item


def _create(call: Call) -> dict[str, Any]:
    address = read(call.body, _SHAPE, "forwarding_address").get("forwardingEmail", "").lower()
    name, at, domain = address.partition("@")
    if not (name and at and domain) or " " in address:
        raise ApiError(400, "Invalid forwarding address")
    if call.settings.item(_KIND, address) is not None:
        raise ApiError(409, "Forwarding address already exists")
    accepted = call.mailbox.address.endswith(f"@{domain}") or _is_here(call, address)
    status = "accepted" if accepted else "pending"
    value = {"forwardingEmail": address, "verificationStatus": status}
    return call.settings.put(_KIND, value, address)


def _delete(call: Call) -> None:
    if not call.settings.remove(_KIND, call.ids["forwardingEmail"].lower()):
        raise not_found()


def _is_here(call: Call, address: str) -> bool:
    try:
        call.stand_in.mailboxes.open(address)
    except NoSuchMailboxError:
        return False
    return True


ACTIONS = {
    "settings.forwardingAddresses.list": _list,
    "settings.forwardingAddresses.get": _get,
    "settings.forwardingAddresses.create": _create,
    "settings.forwardingAddresses.delete": _delete,
}
