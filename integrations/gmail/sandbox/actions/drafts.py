"""Drafts.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts
"""

from typing import Any

from integrations.gmail.sandbox import message_json
from integrations.gmail.sandbox.drafts import IS_DRAFT
from integrations.gmail.sandbox.errors import ApiError

from .call import Call, raw_of, thread_of
from .messages import send


def _list(call: Call) -> dict[str, Any]:
    page, answer = call.found(among=IS_DRAFT)
    if page:
        answer["drafts"] = [
            {"id": draft_id, "message": message_json.identity(stored)}
            for draft_id, stored in zip(call.drafts.ids(page), page, strict=True)
        ]
    return answer


def _get(call: Call) -> dict[str, Any]:
    form = call.format()
    stored = call.drafts.message(call.ids["id"])
    if stored.poisoned:
        raise ApiError(500)
    return {"id": call.ids["id"], "message": message_json.message(call.mailbox, stored, form)}


def _message(call: Call) -> dict[str, Any]:
    message = call.body.get("message")
    if not isinstance(message, dict):
        raise ApiError(400, "Missing draft message")
    return message


def _create(call: Call) -> dict[str, Any]:
    message = _message(call)
    draft_id, stored = call.drafts.create(raw_of(message), thread_of(message))
    return {"id": draft_id, "message": message_json.brief(stored)}


def _update(call: Call) -> dict[str, Any]:
    message = _message(call)
    stored = call.drafts.change(call.ids["id"], raw_of(message), thread_of(message))
    return {"id": call.ids["id"], "message": message_json.brief(stored)}


def _delete(call: Call) -> None:
    call.drafts.delete(call.ids["id"])


def _send(call: Call) -> dict[str, Any]:
    """The draft as it is, or the message given beside its id, becomes a sent message."""
    draft_id = call.body.get("id")
    if not isinstance(draft_id, str) or not draft_id:
        raise ApiError(400, "Missing draft id")
    stored = call.drafts.message(draft_id)
    message = call.body.get("message")
    raw = raw_of(message) if isinstance(message, dict) else call.mailbox.raw(stored)
    with call.stand_in.store.transaction():
        sent = send(call, raw, stored.thread_id)
        call.drafts.delete(draft_id)
    return message_json.brief(sent)


ACTIONS = {
    "drafts.list": _list,
    "drafts.get": _get,
    "drafts.create": _create,
    "drafts.update": _update,
    "drafts.delete": _delete,
    "drafts.send": _send,
}
