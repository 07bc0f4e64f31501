"""Threads: what is done to one is done to every message in it.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.threads
"""

from collections.abc import Sequence
from typing import Any

from integrations.gmail.sandbox import message_json
from integrations.gmail.sandbox.contents import StoredMessage
from integrations.gmail.sandbox.errors import ApiError, invalid_value, not_found

from .call import Call


def _list(call: Call) -> dict[str, Any]:
    page, answer = call.found(threads=True)
    if page:
        answer["threads"] = [
            {
                "id": newest.thread_id,
                "snippet": newest.snippet,
                "historyId": str(max(m.history_id for m in call.mailbox.thread(newest.thread_id))),
            }
            for newest in page
        ]
    return answer


def _messages(call: Call) -> list[StoredMessage]:
    stored = call.mailbox.thread(call.ids["id"])
    if not stored:
        raise not_found()
    return stored


def _get(call: Call) -> dict[str, Any]:
    form = call.format()
    if form == "raw":
        raise invalid_value("format", "TYPE_ENUM", form)
    stored = _messages(call)
    if any(message.poisoned for message in stored):
        raise ApiError(500)
    headers = call.query.getall("metadataHeaders", [])
    return {
        "id": call.ids["id"],
        "historyId": str(max(message.history_id for message in stored)),
        "messages": [message_json.message(call.mailbox, m, form, headers) for m in stored],
    }


def _relabel(call: Call, add: Sequence[str], remove: Sequence[str]) -> dict[str, Any]:
    ids = [message.message_id for message in _messages(call)]
    changed = call.mailbox.relabel(ids, add, remove)
    return {"id": call.ids["id"], "messages": [message_json.brief(stored) for stored in changed]}


def _modify(call: Call) -> dict[str, Any]:
    return _relabel(call, *call.label_change())


def _trash(call: Call) -> dict[str, Any]:
    return _relabel(call, ["TRASH"], ["INBOX"])


def _untrash(call: Call) -> dict[str, Any]:
    return _relabel(call, [], ["TRASH"])


def _delete(call: Call) -> None:
    call.mailbox.delete([message.message_id for message in _messages(call)])


ACTIONS = {
    "threads.list": _list,
    "threads.get": _get,
    "threads.modify": _modify,
    "threads.trash": _trash,
    "threads.untrash": _untrash,
    "threads.delete": _delete,
}
