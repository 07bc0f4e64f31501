"""Messages to the person who is signed in, kept until the next page shows them.

Django's own storage sends them to the browser in a cookie that is signed and can be read. Among
them are new secrets, so they are kept in the session's row instead, sealed, and removed when they
are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.messages.storage.session import SessionStorage

from encryption.keys import UnsealError, seal, unseal

CONTEXT = "messages of a session"


class SealedStorage(SessionStorage):
    def serialize_messages(self, messages: Sequence[Any]) -> str:
        return seal(super().serialize_messages(messages), CONTEXT)

    def deserialize_messages(self, data: Any) -> list[Any]:
        """Return the messages; none where the key that sealed them is gone."""
        if not data:
            return []
        try:
            return super().deserialize_messages(unseal(data, CONTEXT)) or []
        except UnsealError:
            return []
