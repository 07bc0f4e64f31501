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
_COMPOSE = _CHANGE | {f"{_AUTH}compose"}
_LABELS = _CHANGE | {f"{_AUTH}labels"}
_BASIC = frozenset({f"{_AUTH}settings.basic"})
_SHARING = frozenset({f"{_AUTH}settings.sharing"})
_SETTINGS = _READ | _BASIC

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
    Method("watch", "POST", "/watch", _LIST),
    Method("stop", "POST", "/stop", _LIST),
    Method("history.list", "GET", "/history", _LIST, _HISTORY),
    Method("labels.list", "GET", "/labels", _LIST | {f"{_AUTH}labels"}),
    Method("labels.get", "GET", "/labels/{id}", _LIST | {f"{_AUTH}labels"}),
    Method("labels.create", "POST", "/labels", _LABELS),
    Method("labels.update", "PUT", "/labels/{id}", _LABELS),
    Method("labels.patch", "PATCH", "/labels/{id}", _LABELS),
    Method("labels.delete", "DELETE", "/labels/{id}", _LABELS),
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
    Method("threads.delete", "DELETE", "/threads/{id}", frozenset({MAIL})),
    Method("threads.modify", "POST", "/threads/{id}/modify", _CHANGE),
    Method("threads.trash", "POST", "/threads/{id}/trash", _CHANGE),
    Method("threads.untrash", "POST", "/threads/{id}/untrash", _CHANGE),
    Method("drafts.list", "GET", "/drafts", _COMPOSE | _READ, _SEARCH - {"labelIds"}),
    Method("drafts.create", "POST", "/drafts", _COMPOSE),
    Method("drafts.send", "POST", "/drafts/send", _COMPOSE),
    Method("drafts.get", "GET", "/drafts/{id}", _COMPOSE | _READ, frozenset({"format"})),
    Method("drafts.update", "PUT", "/drafts/{id}", _COMPOSE),
    Method("drafts.delete", "DELETE", "/drafts/{id}", _COMPOSE),
    Method("settings.getVacation", "GET", "/settings/vacation", _SETTINGS),
    Method("settings.updateVacation", "PUT", "/settings/vacation", _BASIC),
    Method("settings.getAutoForwarding", "GET", "/settings/autoForwarding", _SETTINGS),
    Method("settings.updateAutoForwarding", "PUT", "/settings/autoForwarding", _SHARING),
    Method("settings.getImap", "GET", "/settings/imap", _SETTINGS),
    Method("settings.updateImap", "PUT", "/settings/imap", _BASIC),
    Method("settings.getPop", "GET", "/settings/pop", _SETTINGS),
    Method("settings.updatePop", "PUT", "/settings/pop", _BASIC),
    Method("settings.filters.list", "GET", "/settings/filters", _SETTINGS),
    Method("settings.filters.create", "POST", "/settings/filters", _BASIC),
    Method("settings.filters.get", "GET", "/settings/filters/{id}", _SETTINGS),
    Method("settings.filters.delete", "DELETE", "/settings/filters/{id}", _BASIC),
    Method("settings.forwardingAddresses.list", "GET", "/settings/forwardingAddresses",
           _SETTINGS),
    Method("settings.forwardingAddresses.create", "POST", "/settings/forwardingAddresses",
           _SHARING),
    Method("settings.forwardingAddresses.get", "GET",
           "/settings/forwardingAddresses/{forwardingEmail}", _SETTINGS),
    Method("settings.forwardingAddresses.delete", "DELETE",
           "/settings/forwardingAddresses/{forwardingEmail}", _SHARING),
    Method("settings.sendAs.list", "GET", "/settings/sendAs", _SETTINGS),
    Method("settings.sendAs.get", "GET", "/settings/sendAs/{sendAsEmail}", _SETTINGS),
    Method("settings.sendAs.patch", "PATCH", "/settings/sendAs/{sendAsEmail}",
           _BASIC | _SHARING),
    Method("settings.sendAs.update", "PUT", "/settings/sendAs/{sendAsEmail}",
           _BASIC | _SHARING),
)  # fmt: skip
