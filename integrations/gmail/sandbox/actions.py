"""What each method of Gmail REST v1 does, once the call is allowed.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

import base64
import binascii
import email.utils
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from multidict import MultiMapping

from . import message_json, mime, search
from .contents import NoSuchLabelError, StoredMessage
from .errors import ApiError, invalid_value, not_found
from .grants import Permission
from .mailbox import Mailbox
from .methods import METADATA
from .stand_in import StandIn

DEFAULT_PAGE = 100
MAX_PAGE = 500
MAX_BATCH = 1000  # ids in one batchModify

_KINDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
# Labels that only Gmail itself sets.
_FIXED_LABELS = ("SENT", "DRAFT", "CHAT")


@dataclass(frozen=True)
class Call:
    """A call that is allowed: whose mailbox, which parameters, which ids in the path."""

    stand_in: StandIn
    mailbox: Mailbox
    permission: Permission
    query: MultiMapping[str]
    ids: dict[str, str]
    body: dict[str, Any]

    def stored(self, name: str = "id") -> StoredMessage:
        """The message that the path names."""
        return self.mailbox.message(self.ids[name])

    def page_size(self) -> int:
        """`maxResults`, which is cut to 500."""
        text = self.query.get("maxResults", "")
        if not text:
            return DEFAULT_PAGE
        if not (text.isascii() and text.isdecimal()) or len(text) > 10:
            raise invalid_value("max_results", "TYPE_UINT32", text)
        return min(int(text) or DEFAULT_PAGE, MAX_PAGE)

    def flag(self, name: str) -> bool:
        """A boolean parameter."""
        text = self.query.get(name, "false")
        if text.lower() not in ("true", "false"):
            raise invalid_value(name, "TYPE_BOOL", text)
        return text.lower() == "true"

    def texts(self, name: str) -> list[str]:
        """A list of text in the body."""
        value = self.body.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ApiError(400, f"Invalid value at '{name}' (TYPE_STRING)", "badRequest")
        return value


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
    (after,) = _read_token("h", call.query.get("pageToken", ""), 1) or (0,)
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
            answer["nextPageToken"] = _token("h", int(shown[-1]["id"]))
            break
        shown.append(item)
    if shown:
        answer["history"] = shown
    return answer | {"historyId": str(current)}


def _list_labels(call: Call) -> dict[str, Any]:
    return {"labels": [message_json.label(item) for item in call.mailbox.labels()]}


def _get_label(call: Call) -> dict[str, Any]:
    for item in call.mailbox.labels():
        if item.label_id == call.ids["id"]:
            return message_json.label(item) | call.mailbox.label_totals(item.label_id)
    raise not_found()


def _find(call: Call, *, threads: bool) -> tuple[list[StoredMessage], dict[str, Any]]:
    """A page of the search that the parameters describe, and what the answer says of paging."""
    labels = call.mailbox.labels()
    where, everywhere = search.ALL, call.flag("includeSpamTrash")
    text = call.query.get("q", "")
    if text:
        if METADATA in call.permission.scopes:
            # So even beside a wider scope, as users report.
            raise ApiError(403, "Metadata scope does not support 'q' parameter")
        try:
            known = [(label.label_id, label.name) for label in labels]
            query = search.read(text, call.stand_in.clock.now(), known)
        except search.BadQueryError as error:
            raise ApiError(400, f"Invalid query: {error}") from error
        where, everywhere = query.where, everywhere or query.everywhere
    for label_id in call.query.getall("labelIds", []):
        if label_id not in {label.label_id for label in labels}:
            raise NoSuchLabelError(label_id)
        where &= search.has_label(label_id)
        everywhere = everywhere or label_id in ("SPAM", "TRASH")
    if not everywhere:
        where &= search.NOT_SPAM_OR_TRASH
    size = call.page_size()
    at = _read_token("m", call.query.get("pageToken", ""), 2)
    found = call.mailbox.search(where, size + 1, (at[0], at[1]) if at else None, threads=threads)
    more = len(found) > size
    page = found[:size]
    paging: dict[str, Any] = {"resultSizeEstimate": size + 1 if more else len(page)}
    if more:
        paging["nextPageToken"] = _token("m", page[-1].internal_date, page[-1].row_id)
    return page, paging


def _list_messages(call: Call) -> dict[str, Any]:
    page, answer = _find(call, threads=False)
    if page:
        answer["messages"] = [message_json.identity(stored) for stored in page]
    return answer


def _list_threads(call: Call) -> dict[str, Any]:
    page, answer = _find(call, threads=True)
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


def _format(call: Call) -> message_json.Format:
    text = call.query.get("format", "full").lower()
    if text in ("full", "raw"):
        if METADATA in call.permission.scopes:
            raise ApiError(403, f"Metadata scope doesn't allow format {text.upper()}")
        return "full" if text == "full" else "raw"
    if text in ("minimal", "metadata"):
        return "minimal" if text == "minimal" else "metadata"
    raise invalid_value("format", "TYPE_ENUM", text)


def _get_message(call: Call) -> dict[str, Any]:
    form = _format(call)
    stored = call.stored()
    if stored.poisoned:
        raise ApiError(500)
    return message_json.message(
        call.mailbox, stored, form, call.query.getall("metadataHeaders", [])
    )


def _get_thread(call: Call) -> dict[str, Any]:
    form = _format(call)
    if form == "raw":
        raise invalid_value("format", "TYPE_ENUM", form)
    stored = call.mailbox.thread(call.ids["id"])
    if not stored:
        raise not_found()
    if any(message.poisoned for message in stored):
        raise ApiError(500)
    headers = call.query.getall("metadataHeaders", [])
    return {
        "id": call.ids["id"],
        "historyId": str(max(message.history_id for message in stored)),
        "messages": [message_json.message(call.mailbox, m, form, headers) for m in stored],
    }


def _get_attachment(call: Call) -> dict[str, Any]:
    body = message_json.attachment(call.mailbox, call.stored("messageId"), call.ids["id"])
    if body is None:
        raise ApiError(400, "Invalid attachment token")
    return body


def _label_change(call: Call) -> tuple[list[str], list[str]]:
    add, remove = call.texts("addLabelIds"), call.texts("removeLabelIds")
    if not add and not remove:
        raise ApiError(400, "No label add or removes specified")
    for label_id in (*add, *remove):
        if label_id in _FIXED_LABELS:
            raise NoSuchLabelError(label_id)
    if set(add) & set(remove):
        raise ApiError(400, "Cannot both add and remove the same label")
    return add, remove


def _modify(call: Call) -> dict[str, Any]:
    return message_json.brief(call.mailbox.relabel([call.ids["id"]], *_label_change(call))[0])


def _batch_modify(call: Call) -> None:
    ids = call.texts("ids")
    if not ids or len(ids) > MAX_BATCH:
        raise ApiError(400, f"ids: between 1 and {MAX_BATCH} message ids are needed")
    call.mailbox.relabel(ids, *_label_change(call))


def _trash(call: Call) -> dict[str, Any]:
    return message_json.brief(call.mailbox.trash(call.ids["id"]))


def _untrash(call: Call) -> dict[str, Any]:
    return message_json.brief(call.mailbox.untrash(call.ids["id"]))


def _delete(call: Call) -> None:
    call.mailbox.delete([call.ids["id"]])


def _raw(call: Call) -> bytes:
    text = call.body.get("raw")
    if not isinstance(text, str) or not text:
        raise ApiError(
            400,
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
        )
    try:
        return mime.from_base64(text)
    except ValueError as error:
        raise ApiError(400, f"Invalid value at 'message.raw' (TYPE_BYTES), {error}") from error


def _thread_id(call: Call) -> str | None:
    thread_id = call.body.get("threadId") or None
    if thread_id is not None and not isinstance(thread_id, str):
        raise ApiError(400, "Invalid value at 'message.thread_id' (TYPE_STRING)", "badRequest")
    return thread_id


def _insert(call: Call, default_source: str = "receivedTime") -> dict[str, Any]:
    raw = _raw(call)
    source = call.query.get("internalDateSource", default_source)
    if source not in ("receivedTime", "dateHeader"):
        raise invalid_value("internal_date_source", "TYPE_ENUM", source)
    date = mime.read(raw).date if source == "dateHeader" else None
    return message_json.brief(
        call.mailbox.add(
            raw,
            call.texts("labelIds"),
            internal_date=int(date.timestamp() * 1000) if date else None,
            thread_id=_thread_id(call),
        )
    )


def _import(call: Call) -> dict[str, Any]:
    return _insert(call, "dateHeader")


def _send(call: Call) -> dict[str, Any]:
    """Keep the mail as sent, and put it into those recipients' mailboxes that are here."""
    raw = _raw(call)
    headers = [
        value for name, value in mime.read(raw).headers if name.lower() in ("to", "cc", "bcc")
    ]
    addressed = {address.lower() for _, address in email.utils.getaddresses(headers)}
    if not addressed:
        raise ApiError(400, "Recipient address required")
    here = addressed & set(call.stand_in.mailboxes.addresses())
    own = ["SENT", "INBOX", "UNREAD"] if call.mailbox.address in here else ["SENT"]
    with call.stand_in.store.transaction():
        sent = call.mailbox.add(raw, own, thread_id=_thread_id(call))
        for address in sorted(here - {call.mailbox.address}):
            call.stand_in.mailboxes.open(address).add(raw, ["INBOX", "UNREAD"])
    return message_json.brief(sent)


ACTIONS: Mapping[str, Callable[[Call], dict[str, Any] | None]] = {
    "getProfile": _profile,
    "history.list": _list_history,
    "labels.list": _list_labels,
    "labels.get": _get_label,
    "messages.list": _list_messages,
    "messages.insert": _insert,
    "messages.import": _import,
    "messages.send": _send,
    "messages.batchModify": _batch_modify,
    "messages.get": _get_message,
    "messages.delete": _delete,
    "messages.modify": _modify,
    "messages.trash": _trash,
    "messages.untrash": _untrash,
    "messages.attachments.get": _get_attachment,
    "threads.list": _list_threads,
    "threads.get": _get_thread,
}


# Page tokens: opaque to the client


def _token(kind: str, *numbers: int) -> str:
    text = ":".join([kind, *map(str, numbers)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(kind: str, token: str, count: int) -> tuple[int, ...] | None:
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        found, *numbers = text.split(":")
        position = tuple(int(number) for number in numbers)
    except (ValueError, binascii.Error) as error:
        raise ApiError(400, "Invalid pageToken") from error
    if found != kind or len(position) != count or any(abs(n) >= 2**63 for n in position):
        raise ApiError(400, "Invalid pageToken")
    return position
