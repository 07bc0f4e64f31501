"""Messages, threads, labels and history records as the API prints them.

64-bit numbers are text, empty lists are left out: as Google's JSON does it.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Literal

from . import mime
from .contents import Label, Record, StoredMessage
from .mailbox import Mailbox

Format = Literal["minimal", "metadata", "full", "raw"]


def message(
    mailbox: Mailbox, stored: StoredMessage, form: Format, metadata_headers: Sequence[str] = ()
) -> dict[str, Any]:
    """A `Message` in the asked format; `metadata_headers` narrows `metadata` alone."""
    shown: dict[str, Any] = identity(stored)
    if stored.label_ids:
        shown["labelIds"] = list(stored.label_ids)
    shown |= {
        "snippet": stored.snippet,
        "historyId": str(stored.history_id),
        "internalDate": str(stored.internal_date),
        "sizeEstimate": stored.size,
    }
    if form == "metadata":
        wanted = {name.lower() for name in metadata_headers}
        shown["payload"] = {
            "mimeType": stored.mime_type,
            "headers": [
                {"name": name, "value": value}
                for name, value in stored.headers
                if not wanted or name.lower() in wanted
            ],
        }
    elif form == "full":
        # Attachment ids are another at each reading, as at Google; the part's id ends them.
        prefix = f"ANGjdJ{secrets.token_urlsafe(24)}."
        shown["payload"] = mime.payload(mime.parse(mailbox.raw(stored)), "", prefix)
    elif form == "raw":
        shown["raw"] = mime.web_base64(mailbox.raw(stored))
    return shown


def identity(stored: StoredMessage) -> dict[str, Any]:
    """What a list says of a message."""
    return {"id": stored.message_id, "threadId": stored.thread_id}


def brief(stored: StoredMessage) -> dict[str, Any]:
    """What a change says of the message that it changed."""
    labels = {"labelIds": list(stored.label_ids)} if stored.label_ids else {}
    return identity(stored) | labels


def attachment(
    mailbox: Mailbox, stored: StoredMessage, attachment_id: str
) -> dict[str, Any] | None:
    """A `MessagePartBody`, or None where the message has no such part."""
    _, dot, part_id = attachment_id.partition(".")
    content = mime.part_content(mime.parse(mailbox.raw(stored)), part_id) if dot else None
    if content is None:
        return None
    return {"size": len(content), "data": mime.web_base64(content)}


def label(item: Label) -> dict[str, Any]:
    """A `Label` as it stands in a list."""
    return {
        "id": item.label_id,
        "name": item.name,
        "type": "system" if item.system else "user",
        "messageListVisibility": "hide" if item.system else "show",
        "labelListVisibility": "labelHide" if item.system else "labelShow",
        **item.look,
    }


def record(item: Record, kinds: frozenset[str], label_id: str | None) -> dict[str, Any] | None:
    """A `History` with the changes of these kinds and label; None where none is left."""
    shown: dict[str, Any] = {"id": str(item.history_id), "messages": []}
    seen: set[str] = set()
    for change in item.changes:
        if change.kind not in kinds:
            continue
        if label_id is not None and label_id not in change.label_ids + change.changed_label_ids:
            continue
        short = {"id": change.message_id, "threadId": change.thread_id}
        if change.message_id not in seen:
            seen.add(change.message_id)
            shown["messages"].append(short)
        labels = {"labelIds": list(change.label_ids)} if change.label_ids else {}
        entry: dict[str, Any] = {"message": short | labels}
        if change.changed_label_ids:
            entry["labelIds"] = list(change.changed_label_ids)
        shown.setdefault(change.kind, []).append(entry)
    return shown if seen else None
