"""A link by which the owner of an account connects it again, without signing in here.

Rule 1: a link is good for one connection, until its end. Opening it changes nothing, for mail
programs open links by themselves. It is used up in the transaction that stores the new grant, so
that neither a second click nor a process that is killed uses it in vain.
Rule 2: it connects the account that it was made for: no other may answer (instances.provision).
Rule 3: a connection, whichever way it came, ends all open links of the instance.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.db import transaction

from accounts.secret import digest
from api.errors import BadRequest
from audit.models import Action
from elements.types import OAuth2
from instances import audited
from instances import configuration as keys
from instances.models import ElementInstance, ReconnectLink

PATH = "/reconnect/"
SALT = "instances.reconnect_link"
TOKEN = re.compile(rf"(?<={PATH})[\w:-]+")
LONGEST_TOKEN = 200  # characters
MOST_OPEN = 20  # of one instance; one more ends the oldest


class Made(NamedTuple):
    url: str
    expires_at: datetime


class LinkError(Exception):
    """The link leads nowhere. The message says why, `advice` what to do."""

    def __init__(self, message: str, advice: str, *, used: bool = False) -> None:
        super().__init__(message)
        self.advice = advice
        self.used = used


ASK = "Ask whoever sent you the link for a new one."


def make(instance: ElementInstance, now: datetime) -> Made:
    """Raises BadRequest for an account that no consent page could connect."""
    element = keys.element_of(instance)
    if not isinstance(element.authentication, OAuth2):
        raise BadRequest(
            f"{element.name} has no consent page: change the instance's configuration instead"
        )
    own = ReconnectLink.objects.filter(instance=instance)
    own.filter(expires_at__lte=now).delete()
    kept = own.filter(used_at=None).order_by("-pk").values_list("pk", flat=True)[: MOST_OPEN - 1]
    own.filter(used_at=None).exclude(pk__in=list(kept)).delete()
    secret = secrets.token_urlsafe(24)
    with transaction.atomic():
        link = ReconnectLink.objects.create(
            instance=instance,
            digest=digest(secret),
            created_at=now,
            expires_at=now + timedelta(days=settings.RECONNECT_LINK_DAYS),
        )
        audited.told(Action.INSTANCE_LINK_MADE, instance)
    token = signing.Signer(salt=SALT).sign(secret)
    return Made(f"{settings.PUBLIC_URL}{PATH}{token}", link.expires_at)


def masked(text: str) -> str:
    """The text with no link in it that anybody could follow."""
    return TOKEN.sub(keys.MASK, text)


def find(token: str, now: datetime) -> ReconnectLink:
    """The open link that the token is of. Raises LinkError."""
    try:
        secret = signing.Signer(salt=SALT).unsign(token[:LONGEST_TOKEN])
    except signing.BadSignature as error:
        raise LinkError("This link is not one of ours, or was cut on its way.", ASK) from error
    found = ReconnectLink.objects.select_related(
        "instance__organization", "instance__user", "instance__credential"
    )
    link = found.filter(digest=digest(secret)).first()
    if link is None:
        raise LinkError("This link is no longer good.", ASK)
    if link.used_at is not None:
        raise LinkError(
            "This link was used, or the account was connected again in another way.",
            "There is nothing left to do.",
            used=True,
        )
    if link.expires_at <= now:
        raise LinkError("This link has expired.", ASK)
    return link


def use(link: ReconnectLink, now: datetime) -> None:
    """Uses the link up, within the transaction that connects. Raises LinkError when it was used."""
    open_still = ReconnectLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now)
    if not open_still.update(used_at=now):
        raise LinkError("This link was used already.", "There is nothing left to do.", used=True)


def end_all(instance: ElementInstance, now: datetime) -> None:
    """Ends the open links of an instance that was connected again."""
    ReconnectLink.objects.filter(instance=instance, used_at=None).update(used_at=now)
