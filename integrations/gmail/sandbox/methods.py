"""The methods of Gmail REST v1 that the sandbox answers: where, with which scopes and parameters.

As the discovery document says; a test compares the two.
"""

from dataclasses import dataclass

from .grants import MAIL

_AUTH = "https://www.googleapis.com/auth/gmail."
METADATA = f"{_AUTH}metadata"
_READ = frozenset({MAIL, f"{_AUTH}modify", f"{_AUTH}readonly"})
_LIST = _READ | {METADATA}
_CHANGE = frozenset({MAIL, f"{_AUTH}modify"})
_INSERT = _CHANGE | {f"{_AUTH}insert"}

# Parameters that every method takes.
STANDARD_PARAMETERS = frozenset(
    {"$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint",
     "quotaUser", "uploadType", "upload_protocol"}
)  # fmt: skip


@dataclass(frozen=True)
class Method:
    """One method; `name` is its id without "gmail.users."."""

    name: str
    verb: str
    path: str  # below /gmail/v1/users/{userId}
    scopes: frozenset[str]  # any of them is enough
    parameters: frozenset[str] = frozenset()


_FORMAT = frozenset({"format", "metadataHeaders"})
_PAGE = frozenset({"maxResults", "pageToken"})
_SEARCH = _PAGE | {"includeSpamTrash", "labelIds", "q"}
_HISTORY = _PAGE | {"historyTypes", "labelId", "startHistoryId"}
_DATE = frozenset({"deleted", "internalDateSource"})

METHODS = (
    Method("getProfile", "GET", "/profile", _LIST | {f"{_AUTH}compose"}),
    Method("history.list", "GET", "/history", _LIST, _HISTORY),
    Method("labels.list", "GET", "/labels", _LIST | {f"{_AUTH}labels"}),
    Method("labels.get", "GET", "/labels/{id}", _LIST | {f"{_AUTH}labels"}),
    Method("messages.list", "GET", "/messages", _LIST, _SEARCH),
    Method("messages.insert", "POST", "/messages", _INSERT, _DATE),
    Method("messages.import", "POST", "/messages/import", _INSERT,
           _DATE | {"neverMarkSpam", "processForCalendar"}),
    Method("messages.send", "POST", "/messages/send",
           _CHANGE | {f"{_AUTH}compose", f"{_AUTH}send"}),
    Method("messages.batchModify", "POST", "/messages/batchModify", _CHANGE),
    Method("messages.get", "GET", "/messages/{id}", _LIST, _FORMAT),
    Method("messages.delete", "DELETE", "/messages/{id}", frozenset({MAIL})),
    Method("messages.modify", "POST", "/messages/{id}/modify", _CHANGE),
    Method("messages.trash", "POST", "/messages/{id}/trash", _CHANGE),
    Method("messages.untrash", "POST", "/messages/{id}/untrash", _CHANGE),
    Method("messages.attachments.get", "GET", "/messages/{messageId}/attachments/{id}", _READ),
    Method("threads.list", "GET", "/threads", _LIST, _SEARCH),
    Method("threads.get", "GET", "/threads/{id}", _LIST, _FORMAT),
)  # fmt: skip
