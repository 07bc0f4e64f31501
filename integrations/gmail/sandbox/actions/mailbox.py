"""The mailbox as a whole: its profile and its history."""

from collections.abc import Callable
from typing import Any

from integrations.gmail.sandbox import message_json
from integrations.gmail.sandbox.errors import ApiError, invalid_value, not_found

from .call import Call, read_token, token

_KINDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}


def _profile(call: Call) -> dict[str, Any]:
    overview = call.mailbox.overview()
    return {
        "emailAddress": overview.address,
        "messagesTotal": overview.messages_total,
        "threadsTotal": overview.threads_total,
        "historyId": str(overview.history_id),
    }


def _list_history(call: Call) -> dict[str, Any]:
    start = call.query.get("startHistoryId", "")
    if not start:
        raise ApiError(400, "Missing/invalid parameter: startHistoryId")
    if not (start.isascii() and start.isdecimal()) or int(start[:21]) >= 2**64:
        raise invalid_value("start_history_id", "TYPE_UINT64", start)
    if int(start) >= 2**63:
        raise not_found()  # more than any mailbox has reached
    kinds = frozenset(call.query.getall("historyTypes", list(_KINDS)))
    for kind in kinds - _KINDS.keys():
        raise invalid_value("history_types", "TYPE_ENUM", kind)
    (after,) = read_token("h", call.query.get("pageToken", ""), 1) or (0,)
    size = call.page_size()
    current = call.mailbox.overview().history_id
    shown: list[dict[str, Any]] = []
    answer: dict[str, Any] = {}
    wanted = frozenset(_KINDS[kind] for kind in kinds)
    for record in call.mailbox.history(int(start), after):
        item = message_json.record(record, wanted, call.query.get("labelId"))
        if item is None:
            continue
        if len(shown) == size:
            answer["nextPageToken"] = token("h", int(shown[-1]["id"]))
            break
        shown.append(item)
    if shown:
        answer["history"] = shown
    return answer | {"historyId": str(current)}


def _watch(call: Call) -> dict[str, Any]:
    until = call.stand_in.pusher.watch(
        call.mailbox.address, call.permission.client_id, call.body.get("topicName")
    )
    history_id = call.mailbox.overview().history_id
    return {"historyId": str(history_id), "expiration": str(until)}


def _stop(call: Call) -> None:
    call.stand_in.pusher.stop_watch(call.mailbox.address, call.permission.client_id)


ACTIONS: dict[str, Callable[[Call], dict[str, Any] | None]] = {
    "getProfile": _profile,
    "history.list": _list_history,
    "watch": _watch,
    "stop": _stop,
}
