"""The URL of an organization's inbox, and whose inbox a URL is."""

from __future__ import annotations

import secrets

from accounts.models import Organization
from accounts.secret import digest
from inbox.models import Inbox
from transport import own_inbox


def inbox_url(organization: Organization) -> str:
    """The callback URL of the organization's inbox, which is made when it is first asked for."""
    return own_inbox.url_of(inbox_of(organization).key)


def inbox_of(organization: Organization) -> Inbox:
    key = secrets.token_urlsafe(32)
    found, _ = Inbox.objects.get_or_create(
        organization=organization, defaults={"key": key, "key_digest": digest(key)}
    )
    return found


def by_key(key: str) -> Inbox | None:
    return Inbox.objects.filter(key_digest=digest(key)).first()
