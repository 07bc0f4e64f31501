"""A call that is allowed, and what every method reads out of one."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from multidict import MultiMapping

from integrations.gmail.sandbox import message_json, mime, search
from integrations.gmail.sandbox.contents import NoSuchLabelError, StoredMessage
from integrations.gmail.sandbox.drafts import Drafts
from integrations.gmail.sandbox.errors import ApiError, invalid_value
from integrations.gmail.sandbox.grants import Permission
from integrations.gmail.sandbox.mailbox import Mailbox
from integrations.gmail.sandbox.mailbox_settings import MailboxSettings
from integrations.gmail.sandbox.methods import METADATA
from integrations.gmail.sandbox.stand_in import StandIn

DEFAULT_PAGE = 100
MAX_PAGE = 500

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

    @property
    def drafts(self) -> Drafts:
        """The mailbox's drafts."""
        return Drafts(self.stand_in.store, self.mailbox)

    @property
    def settings(self) -> MailboxSettings:
        """The mailbox's settings."""
        return MailboxSettings(self.stand_in.store, self.mailbox.key)

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

    def label_change(self) -> tuple[list[str], list[str]]:
        """Which labels the body adds and removes."""
        add, remove = self.texts("addLabelIds"), self.texts("removeLabelIds")
        if not add and not remove:
            raise ApiError(400, "No label add or removes specified")
        for label_id in (*add, *remove):
            if label_id in _FIXED_LABELS:
                raise NoSuchLabelError(label_id)
        if set(add) & set(remove):
            raise ApiError(400, "Cannot both add and remove the same label")
        return add, remove

    def format(self) -> message_json.Format:
        """The format asked for, if the scopes allow it."""
        text = self.query.get("format", "full").lower()
        if text in ("full", "raw"):
            if METADATA in self.permission.scopes:
                raise ApiError(403, f"Metadata scope doesn't allow format {text.upper()}")
            return "full" if text == "full" else "raw"
        if text in ("minimal", "metadata"):
            return "minimal" if text == "minimal" else "metadata"
        raise invalid_value("format", "TYPE_ENUM", text)

    def found(
        self, *, threads: bool = False, among: search.Where = search.ALL
    ) -> tuple[list[StoredMessage], dict[str, Any]]:
        """A page of the search that the parameters describe, and what the answer says of paging."""
        labels = self.mailbox.labels.all()
        where, everywhere = among, self.flag("includeSpamTrash")
        text = self.query.get("q", "")
        if text:
            if METADATA in self.permission.scopes:
                # So even beside a wider scope, as users report.
                raise ApiError(403, "Metadata scope does not support 'q' parameter")
            try:
                known = [(label.label_id, label.name) for label in labels]
                query = search.read(text, self.stand_in.clock.now(), known)
            except search.BadQueryError as error:
                raise ApiError(400, f"Invalid query: {error}") from error
            where, everywhere = where & query.where, everywhere or query.everywhere
        for label_id in self.query.getall("labelIds", []):
            if label_id not in {label.label_id for label in labels}:
                raise NoSuchLabelError(label_id)
            where &= search.has_label(label_id)
            everywhere = everywhere or label_id in ("SPAM", "TRASH")
        if not everywhere:
            where &= search.NOT_SPAM_OR_TRASH
        size = self.page_size()
        at = read_token("m", self.query.get("pageToken", ""), 2)
        found = self.mailbox.search(
            where, size + 1, (at[0], at[1]) if at else None, threads=threads
        )
        more = len(found) > size
        page = found[:size]
        paging: dict[str, Any] = {"resultSizeEstimate": size + 1 if more else len(page)}
        if more:
            paging["nextPageToken"] = token("m", page[-1].internal_date, page[-1].row_id)
        return page, paging


# A message in a body


def raw_of(message: dict[str, Any]) -> bytes:
    """The mail that a `Message` of a body holds. Raises ApiError."""
    text = message.get("raw")
    if not isinstance(text, str) or not text:
        raise ApiError(
            400,
            "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
        )
    try:
        return mime.from_base64(text)
    except ValueError as error:
        raise ApiError(400, f"Invalid value at 'message.raw' (TYPE_BYTES), {error}") from error


def thread_of(message: dict[str, Any]) -> str | None:
    """The thread that a `Message` of a body names. Raises ApiError."""
    thread_id = message.get("threadId") or None
    if thread_id is not None and not isinstance(thread_id, str):
        raise ApiError(400, "Invalid value at 'message.thread_id' (TYPE_STRING)", "badRequest")
    return thread_id


# Page tokens: opaque to the client


def token(kind: str, *numbers: int) -> str:
    """Where the next page begins."""
    text = ":".join([kind, *map(str, numbers)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(kind: str, text: str, count: int) -> tuple[int, ...] | None:
    """The numbers of a token of this kind; None for none. Raises ApiError."""
    if not text:
        return None
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        found, *numbers = plain.split(":")
        position = tuple(int(number) for number in numbers)
    except (ValueError, binascii.Error) as error:
        raise ApiError(400, "Invalid pageToken") from error
    if found != kind or len(position) != count or any(abs(n) >= 2**63 for n in position):
        raise ApiError(400, "Invalid pageToken")
    return position
