"""Where people are signed in: Django's sessions, on rows that say whose they are.

Rule 1: the row is the session. Who deletes it ends the session, also while a page is being made:
saving never brings a row back.
Rule 2: a page costs no query more than Django's own sessions do. The row is read with the session,
and that it was seen is written once in SEEN_EVERY.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

if TYPE_CHECKING:
    # Not at run time: Django loads this module for the model's own sake.
    from accounts.models import BrowserSession, User

SEEN_EVERY = timedelta(minutes=5)
BEGUN = "session.began"  # what a session's own data calls when, whence and by what it began
ADDRESS = "session.address"
AGENT = "session.agent"
LONGEST_ADDRESS = 50  # characters
LONGEST_AGENT = 300


class SessionStore(DatabaseStore):
    """Django's store of sessions in the database, with the columns of BrowserSession."""

    row: BrowserSession | None = None

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        from accounts.models import BrowserSession

        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        row = cast("BrowserSession", super().create_model_instance(data))
        now = timezone.now()
        begun = data.get(BEGUN)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.began_at = datetime.fromisoformat(begun) if begun else now
        row.last_seen_at = now
        row.address = data.get(ADDRESS, "")
        row.agent = data.get(AGENT, "")
        return row

    def _get_session_from_db(self) -> BrowserSession | None:
        self.row = super()._get_session_from_db()  # type: ignore[misc]  # in no stub
        return self.row


class LastSeenMiddleware:
    """Notes that a session is in use, where the page has looked at it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        session = request.session
        # A request of the API looks at no session. What is modified is saved anyway.
        if isinstance(session, SessionStore) and session.accessed and not session.modified:
            now = timezone.now()
            if session.row is not None and session.row.last_seen_at < now - SEEN_EVERY:
                rows = session.get_model_class().objects.filter(pk=session.row.pk)
                rows.update(last_seen_at=now)
        return response


def begin(request: HttpRequest, address: str) -> None:
    """Notes where a person has just signed in from."""
    agent = request.META.get("HTTP_USER_AGENT", "")
    request.session[BEGUN] = timezone.now().isoformat()
    request.session[ADDRESS] = address[:LONGEST_ADDRESS]
    request.session[AGENT] = agent.replace("\0", "")[:LONGEST_AGENT]


def running(user: User, now: datetime) -> list[BrowserSession]:
    """The sessions of a user that still let in, the latest seen first."""
    known = user.get_session_auth_hash()
    rows = user.sessions.filter(expire_date__gt=now).order_by("-last_seen_at", "-began_at")
    return [row for row in rows if row.get_decoded().get(HASH_SESSION_KEY) == known]


def name_of(session_key: str | None) -> str:
    """What a page calls a session: the key itself would let in whoever reads it."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()[:32]


def end(user: User, name: str) -> bool:
    """Ends one session of a user; False where there is none of that name."""
    keys = [row.pk for row in user.sessions.all() if name_of(row.pk) == name]
    return bool(user.sessions.filter(pk__in=keys).delete()[0])


def end_all(user: User, but: str | None = None) -> int:
    """Ends all sessions of a user but the one of that key; how many it were."""
    return user.sessions.exclude(pk=but or "").delete()[0]
