"""What a mailbox holds: messages, labels and records of change, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"]

SYSTEM_LABELS = (
    "CHAT", "SENT", "INBOX", "IMPORTANT", "TRASH", "DRAFT", "SPAM", "STARRED", "UNREAD",
    "CATEGORY_FORUMS", "CATEGORY_UPDATES", "CATEGORY_PERSONAL", "CATEGORY_PROMOTIONS",
    "CATEGORY_SOCIAL",
)  # fmt: skip


class NoSuchMailboxError(LookupError):
    """No mailbox has this address."""


class NoSuchMessageError(LookupError):
    """The mailbox has no message (any more) with this id."""


class NoSuchLabelError(LookupError):
    """The mailbox has no label with this id."""


class NoSuchDraftError(LookupError):
    """The mailbox has no draft with this id (any more)."""


class LabelNameTakenError(Exception):
    """Another label of the mailbox has this name, apart from case."""


class HistoryExpiredError(LookupError):
    """The start id is older than the history that is kept, or was never issued."""


@dataclass(frozen=True)
class Label:
    """A label; `name` equals `label_id` for those of the system.

    `look` holds `messageListVisibility`, `labelListVisibility` and `color` where they were set.
    """

    label_id: str
    name: str
    system: bool
    look: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredMessage:
    """A message as it is now, without its body. `internal_date` is in milliseconds."""

    row_id: int
    message_id: str
    thread_id: str
    history_id: int
    internal_date: int
    label_ids: tuple[str, ...]
    snippet: str
    size: int
    mime_type: str
    headers_json: str
    poisoned: bool

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values of the top level's headers."""
        return [(name, value) for name, value in json.loads(self.headers_json)]


@dataclass(frozen=True)
class Change:
    """One change of one message: which labels it had after it, and which it got or lost by it."""

    kind: Kind
    message_id: str
    thread_id: str
    label_ids: tuple[str, ...]
    changed_label_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What happened at one history id."""

    history_id: int
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Overview:
    """What the profile says."""

    address: str
    history_id: int
    history_floor: int
    messages_total: int
    threads_total: int
