"""Messages and their attachments.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

import email.utils
import secrets
from typing import Any

from integrations.gmail.sandbox import message_json, mime
from integrations.gmail.sandbox.contents import StoredMessage
from integrations.gmail.sandbox.errors import ApiError, invalid_value

from .call import Call, raw_of, thread_of

MAX_BATCH = 1000  # ids in one batchModify


def _list(call: Call) -> dict[str, Any]:
    page, answer = call.found()
    if page:
        answer["messages"] = [message_json.identity(stored) for stored in page]
    return answer


def _get(call: Call) -> dict[str, Any]:
    form = call.format()
    stored = call.stored()
    if stored.poisoned:
        raise ApiError(500)
    return message_json.message(
        call.mailbox, stored, form, call.query.getall("metadataHeaders", [])
    )


def _get_attachment(call: Call) -> dict[str, Any]:
    body = message_json.attachment(call.mailbox, call.stored("messageId"), call.ids["id"])
    if body is None:
        raise ApiError(400, "Invalid attachment token")
    return body


def _modify(call: Call) -> dict[str, Any]:
    return message_json.brief(call.mailbox.relabel([call.ids["id"]], *call.label_change())[0])


def _batch_modify(call: Call) -> None:
    ids = call.texts("ids")
    if not ids or len(ids) > MAX_BATCH:
        raise ApiError(400, f"ids: between 1 and {MAX_BATCH} message ids are needed")
    call.mailbox.relabel(ids, *call.label_change())


def _trash(call: Call) -> dict[str, Any]:
    return message_json.brief(call.mailbox.trash(call.ids["id"]))


def _untrash(call: Call) -> dict[str, Any]:
    return message_json.brief(call.mailbox.untrash(call.ids["id"]))


def _delete(call: Call) -> None:
    call.mailbox.delete([call.ids["id"]])


def _insert(call: Call, default_source: str = "receivedTime") -> dict[str, Any]:
    raw = raw_of(call.body)
    source = call.query.get("internalDateSource", default_source)
    if source not in ("receivedTime", "dateHeader"):
        raise invalid_value("internal_date_source", "TYPE_ENUM", source)
    date = mime.read(raw).date if source == "dateHeader" else None
    return message_json.brief(
        call.mailbox.add(
            raw,
            call.texts("labelIds"),
            internal_date=int(date.timestamp() * 1000) if date else None,
            thread_id=thread_of(call.body),
        )
    )


def _import(call: Call) -> dict[str, Any]:
    return _insert(call, "dateHeader")


def _send(call: Call) -> dict[str, Any]:
    return message_json.brief(send(call, raw_of(call.body), thread_of(call.body)))


def send(call: Call, raw: bytes, thread_id: str | None) -> StoredMessage:
    """Keep the mail as sent, and put it into those recipients' mailboxes that are here.

    What Gmail adds is added: From, Date and Message-ID, where there is none.
    """
    domain = call.mailbox.address.partition("@")[2]
    message_id = f"<{secrets.token_hex(12)}@{domain}>"
    raw = mime.completed(raw, call.mailbox.address, call.stand_in.clock.today(), message_id)
    headers = [
        value for name, value in mime.read(raw).headers if name.lower() in ("to", "cc", "bcc")
    ]
    addressed = {address.lower() for _, address in email.utils.getaddresses(headers)}
    if not addressed:
        raise ApiError(400, "Recipient address required")
    here = addressed & set(call.stand_in.mailboxes.addresses())
    own = ["SENT", "INBOX", "UNREAD"] if call.mailbox.address in here else ["SENT"]
    with call.stand_in.store.transaction():
        sent = call.mailbox.add(raw, own, thread_id=thread_id)
        for address in sorted(here - {call.mailbox.address}):
            call.stand_in.mailboxes.open(address).add(raw, ["INBOX", "UNREAD"])
    return sent


ACTIONS = {
    "messages.list": _list,
    "messages.insert": _insert,
    "messages.import": _import,
    "messages.send": _send,
    "messages.batchModify": _batch_modify,
    "messages.get": _get,
    "messages.delete": _delete,
    "messages.modify": _modify,
    "messages.trash": _trash,
    "messages.untrash": _untrash,
    "messages.attachments.get": _get_attachment,
}
