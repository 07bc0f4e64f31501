"""Which of Gmail's scopes are enough for what, by the authorization scopes of its reference.

https://developers.google.com/workspace/gmail/api/reference/rest
"""

from __future__ import annotations

from elements.types import ScopeNames

MAIL = "https://mail.google.com/"
_AUTH = "https://www.googleapis.com/auth/gmail."
_READ = (MAIL, f"{_AUTH}modify", f"{_AUTH}readonly")
_LIST = (*_READ, f"{_AUTH}metadata")
_CHANGE = (MAIL, f"{_AUTH}modify")
_COMPOSE = (*_CHANGE, f"{_AUTH}compose")
_BASIC = (f"{_AUTH}settings.basic",)
_SHARING = (f"{_AUTH}settings.sharing",)
_SETTINGS = (*_READ, *_BASIC)

# Of each resource: any of these reads it, any of those changes it.
NEEDED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "profile": ((*_LIST, f"{_AUTH}compose"), ()),
    "messages": (_LIST, _CHANGE),
    "threads": (_LIST, _CHANGE),
    "drafts": ((*_COMPOSE, f"{_AUTH}readonly"), _COMPOSE),
    "labels": ((*_LIST, f"{_AUTH}labels"), (*_CHANGE, f"{_AUTH}labels")),
    "history": (_LIST, ()),
    "changed-messages": (_LIST, ()),
    "vacation": (_SETTINGS, _BASIC),
    "filters": (_SETTINGS, _BASIC),
    "forwarding-addresses": (_SETTINGS, _SHARING),
    "send-as": (_SETTINGS, (*_BASIC, *_SHARING)),
    "auto-forwarding": (_SETTINGS, _SHARING),
    "imap": (_SETTINGS, _BASIC),
    "pop": (_SETTINGS, _BASIC),
}

# Google answers the short names of OpenID Connect by those of its own.
# https://developers.google.com/identity/protocols/oauth2/scopes#openid-connect
_USERINFO = "https://www.googleapis.com/auth/userinfo."
NAMES = ScopeNames(aliases={"email": f"{_USERINFO}email", "profile": f"{_USERINFO}profile"})
