"""Proof that a user's e-mail address is that person's: a link in the only mail it gets before.

Rule 1: an address that is not verified is text that somebody typed. It gets no mail but this one,
whose text nobody of the platform's users chooses, resets no password, and is nobody's alone: any
organization may have a user of that address, until one of them is verified.
Rule 2: a user who has a password proves it beside the link. So a mistyped address hands no user
over to the stranger who has it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from accounts.models import User
from audit.models import Action
from audit.record import record

SALT = "accounts.address_verification"
GOOD_FOR = timedelta(days=3)
SELDOM = timedelta(minutes=10)  # between two such mails to one user
MAX_AN_HOUR = 30  # such mails of one organization
MAX_TOKEN = 1_000  # characters
TAKE = """
UPDATE accounts_user u SET verification_sent_at = %(now)s
 WHERE u.id = %(user)s AND u.address_verified_at IS NULL
   AND (u.verification_sent_at IS NULL OR u.verification_sent_at <= %(before)s)
   AND (SELECT count(*) FROM accounts_user o
         WHERE o.organization_id = u.organization_id
           AND o.verification_sent_at > %(hour_ago)s) < %(most)s
RETURNING u.id
"""
SUBJECT = "Confirm your e-mail address for Periodic"
TEXT = """\
Somebody, most likely you or a colleague of yours, gave this e-mail address to Periodic at
{server}

If it was for you, confirm the address here:
{url}

The link is good for {days} days. If it was not for you, do nothing: no other e-mail comes.
"""


class LinkError(Exception):
    """The link verifies nothing. The message says why and what to do."""


def ask(user: User) -> None:
    """Queue the mail with the link in the caller's transaction: it comes with the address or not
    at all."""
    if settings.EMAIL_ENABLED and user.address_verified_at is None:
        async_task("accounts.address_verification.send", user.pk, q_options={"save": False})


def send(user_id: int) -> bool:
    """Send the mail, in the worker. Return whether it was due."""
    user = User.objects.select_related("account").filter(pk=user_id, removed_at=None).first()
    if user is None or not (settings.EMAIL_ENABLED and user.has_access):
        return False
    if not _take(user, timezone.now()):
        return False
    text = TEXT.format(server=settings.PUBLIC_URL, url=url_for(user), days=GOOD_FOR.days)
    EmailMessage(subject=SUBJECT, body=text, to=[user.username]).send()
    return True


def url_for(user: User) -> str:
    """Return the address of the page that verifies the user's address as it is now."""
    token = signing.dumps([user.pk, user.username], salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('console:verify-address', args=[token])}"


def find(token: str) -> User:
    """Return the user whose address the link verifies. Raises LinkError."""
    try:
        user_id, address = signing.loads(token[:MAX_TOKEN], salt=SALT, max_age=GOOD_FOR)
    except signing.BadSignature as error:  # or too old
        raise LinkError(
            f"The link is older than {GOOD_FOR.days} days, or was cut by the mail program. Ask "
            "for another one on your profile page."
        ) from error
    users = User.objects.select_related("organization", "account")
    user = users.filter(pk=user_id, username=address, removed_at=None).first()
    if user is None or not user.has_access:
        raise LinkError("The user that the link is for is gone, or has another address now.")
    return user


def confirm(user: User) -> None:
    """Note that the address is the user's. Raises LinkError where it is another's already."""
    rows = User.objects.filter(pk=user.pk, username=user.username, address_verified_at=None)
    try:
        with transaction.atomic():
            if rows.update(address_verified_at=timezone.now()):
                record(
                    Action.USER_CHANGED,
                    user.organization_id,
                    "user",
                    user.pk,
                    changes={"address_verified_at": None},
                    user_id=user.pk,
                )
    except IntegrityError as error:
        raise LinkError(
            "The address is another user's already, and an address signs in to one user."
        ) from error


def _take(user: User, now: datetime) -> bool:
    """Count the mail; False where it is too soon, or no longer needed."""
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            {
                "user": user.pk,
                "now": now,
                "before": now - SELDOM,
                "hour_ago": now - timedelta(hours=1),
                "most": MAX_AN_HOUR,
            },
        )
        return cursor.fetchone() is not None
