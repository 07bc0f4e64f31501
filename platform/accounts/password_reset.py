"""A new password by e-mail, for who has forgotten the old one.

Rule 1: nobody learns whether an address is a user's. Whatever address is typed, the same is queued
and the same is answered; the worker looks whose it is.
Rule 2: only an address that its owner has verified is sent one. Who has typed somebody else's for
a user of theirs hands that user to nobody.
Rule 3: a person gets at most one such e-mail in SELDOM, whoever asks for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMessage
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_q.tasks import async_task

from accounts.models import User

SELDOM = timedelta(minutes=10)
TAKE = """
INSERT INTO accounts_passwordreset AS known (user_id, sent_at) VALUES (%(user)s, %(now)s)
    ON CONFLICT (user_id) DO UPDATE SET sent_at = EXCLUDED.sent_at
                                  WHERE known.sent_at <= %(before)s
RETURNING user_id
"""
SUBJECT = "A new password for Periodic"
TEXT = """\
Somebody, most likely you, asked for a new password for {address}.

Choose one here:
{url}

The link is good for {minutes} minutes and for one new password. If it was not you, do nothing:
the old password stays.
"""


class _Tokens(PasswordResetTokenGenerator):
    """Django's, by the platform's clock: another host may send the link than reads it."""

    def _now(self) -> datetime:
        return timezone.make_naive(timezone.now())


TOKENS = _Tokens()


def ask(address: str) -> None:
    """Queues an e-mail to that address, should it be a user's."""
    async_task("accounts.password_reset.send", address, q_options={"save": False})


def send(address: str) -> bool:
    """Sends the e-mail, in the worker; whether it did."""
    if "\0" in address or not settings.EMAIL_ENABLED:
        return False
    users = User.objects.select_related("account").filter(address_verified_at__isnull=False)
    found = users.filter(username=address.strip().lower()).first()
    if found is None or not (found.has_access and found.has_usable_password()):
        return False
    if not _take(found, timezone.now()):
        return False
    text = TEXT.format(
        address=found.username, url=url_for(found), minutes=settings.PASSWORD_RESET_TIMEOUT // 60
    )
    EmailMessage(subject=SUBJECT, body=text, to=[found.username]).send()
    return True


def url_for(user: User) -> str:
    """The address at which the user chooses a new password, once."""
    named = urlsafe_base64_encode(force_bytes(user.pk))
    token = TOKENS.make_token(user)
    return f"{settings.PUBLIC_URL}{reverse('console:new-password', args=(named, token))}"


def _take(user: User, now: datetime) -> bool:
    """Counts an e-mail to the user; False where one was sent just now."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"user": user.pk, "now": now, "before": now - SELDOM})
        return cursor.fetchone() is not None
