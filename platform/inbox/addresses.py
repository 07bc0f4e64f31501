"""The URL of an account's inbox, and whose inbox a URL is."""

from __future__ import annotations

import secrets

from accounts.models import Account
from accounts.secret import digest
from encryption.fields import opens
from events.models import Subscription
from inbox.models import Inbox
from transport import own_inbox


def inbox_url(account: Account) -> str:
    """The callback URL of the account's inbox, which is made when it is first asked for.

    Empty where its key cannot be opened and no callback has it in its URL.
    """
    found = inbox_of(account)
    return own_inbox.url_of(found.key) if opens(found, "key") else known_url(found)


def known_url(inbox: Inbox) -> str:
    """The inbox's URL as a callback of its organization has it; empty where none does."""
    callbacks = Subscription.objects.filter(
        organization=inbox.account.organization_id, url__startswith=own_inbox.url_of("")
    )
    for url in callbacks.values_list("url", flat=True).distinct():
        if digest(url.rpartition("/")[2]) == inbox.key_digest:
            return url
    return ""


def inbox_of(account: Account) -> Inbox:
    key = secrets.token_urlsafe(32)
    found, _ = Inbox.objects.get_or_create(
        account=account, defaults={"key": key, "key_digest": digest(key)}
    )
    return found


def by_key(key: str) -> Inbox | None:
    return Inbox.objects.select_related("account").filter(key_digest=digest(key)).first()
