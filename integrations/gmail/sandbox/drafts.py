"""The drafts of one mailbox: each stands for a message with the label DRAFT.

A draft keeps its id for as long as it is one; the message within is another after every change.
Source: https://developers.google.com/workspace/gmail/api/guides/drafts
"""

from collections.abc import Sequence

from .contents import NoSuchDraftError, StoredMessage
from .mailbox import Mailbox
from .search import Where
from .store import Store

IS_DRAFT = Where(
    "EXISTS (SELECT 1 FROM draft d"
    " WHERE d.mailbox_id = {m}.mailbox_id AND d.message_id = {m}.message_id)"
)


class Drafts:
    """The drafts of this mailbox."""

    def __init__(self, store: Store, mailbox: Mailbox) -> None:
        self._store = store
        self._mailbox = mailbox

    def message(self, draft_id: str) -> StoredMessage:
        """The message within. Raises NoSuchDraftError."""
        row = self._store.one(
            "SELECT message_id FROM draft WHERE mailbox_id = ? AND draft_id = ?",
            (self._mailbox.key, draft_id),
        )
        if row is None:
            raise NoSuchDraftError(draft_id)
        return self._mailbox.message(row["message_id"])

    def ids(self, messages: Sequence[StoredMessage]) -> list[str]:
        """The draft ids of messages that are within one, in their order."""
        found: list[str] = []
        for message in messages:
            row = self._store.one(
                "SELECT draft_id FROM draft WHERE mailbox_id = ? AND message_id = ?",
                (self._mailbox.key, message.message_id),
            )
            found.append(str(row["draft_id"]))
        return found

    def create(self, raw: bytes, thread_id: str | None) -> tuple[str, StoredMessage]:
        """A new draft's id and message. Raises NoSuchMessageError for an unknown thread."""
        with self._store.transaction():
            message = self._mailbox.add(raw, ["DRAFT"], thread_id=thread_id)
            draft_id = f"r{self._mailbox.mint('draft')}"
            self._store.execute(
                "INSERT INTO draft (mailbox_id, draft_id, message_id) VALUES (?, ?, ?)",
                (self._mailbox.key, draft_id, message.message_id),
            )
        return draft_id, message

    def change(self, draft_id: str, raw: bytes, thread_id: str | None) -> StoredMessage:
        """Put another message in the place of the one within; it stays in its thread.

        Raises NoSuchDraftError, and NoSuchMessageError for an unknown thread.
        """
        with self._store.transaction():
            before = self.message(draft_id)
            message = self._mailbox.add(raw, ["DRAFT"], thread_id=thread_id or before.thread_id)
            self._store.execute(
                "UPDATE draft SET message_id = ? WHERE mailbox_id = ? AND draft_id = ?",
                (message.message_id, self._mailbox.key, draft_id),
            )
            self._mailbox.delete([before.message_id])
        return message

    def delete(self, draft_id: str) -> None:
        """Delete the draft and its message for good. Raises NoSuchDraftError."""
        self._mailbox.delete([self.message(draft_id).message_id])
