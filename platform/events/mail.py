"""E-mails to people: who may get them, how many, and sending one.

Rule 1: an installation is no relay for spam. Recipients are users of the account (for org-admins:
of the organization) whose address is verified (accounts.address_verification), unless the setting
EMAIL_RECIPIENTS says `anyone`, and an organization has EMAILS_PER_HOUR.
Rule 2: nobody sends in another's name: the sender is EMAIL_FROM, and who asks for an e-mail can
only say where an answer goes.
"""

from __future__ import annotations

import asyncio
import json
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import connection
from django.utils import timezone

from accounts.models import User
from events.claim import Claimed
from events.models import Delivery
from events.outcome import Answer

SCHEME = "mailto:"
ANYONE = "anyone"
ACCEPTED = 250  # RFC 5321 section 4.2.3
LONGEST_SUBJECT = 200  # characters
COUNT_KEPT = timedelta(days=1)

# Counts what is asked for, unless that is more than the hour has left.
TAKE = """
INSERT INTO events_emailcount AS c (organization_id, hour, sent)
SELECT %(organization)s, %(hour)s, %(number)s WHERE %(number)s <= %(most)s
    ON CONFLICT (organization_id, hour)
    DO UPDATE SET sent = c.sent + EXCLUDED.sent WHERE c.sent + EXCLUDED.sent <= %(most)s
RETURNING sent
"""
FORGET = "DELETE FROM events_emailcount WHERE organization_id = %s AND hour < %s"


class NotSent(Exception):
    """The mail server did not take an e-mail; the message says why, without addresses."""


@dataclass(frozen=True, slots=True)
class Letter:
    to: Sequence[str]
    subject: str
    text: str
    reply_to: str = ""


# --- Who may get one, and how many ---------------------------------------------------------------


def is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def permitted(organization_id: int, account_id: int | None, addresses: Sequence[str]) -> list[str]:
    """Those of the addresses that the account may write to, or (None) the organization."""
    if settings.EMAIL_RECIPIENTS == ANYONE:
        return list(addresses)
    users = User.objects.filter(
        organization_id=organization_id,
        is_active=True,
        address_verified_at__isnull=False,
        username__in=[address.lower() for address in addresses],
    )
    if account_id is not None:
        users = users.filter(account=account_id)
    known = set(users.values_list("username", flat=True))
    return [address for address in addresses if address.lower() in known]


def take(organization_id: int, number: int, now: datetime) -> bool:
    """Counts so many e-mails against the organization's hour; False when it has no more left."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            {
                "organization": organization_id,
                "hour": hour,
                "number": number,
                "most": settings.EMAILS_PER_HOUR,
            },
        )
        taken = cursor.fetchone() is not None
        cursor.execute(FORGET, [organization_id, hour - COUNT_KEPT])
    return taken


def until_next_hour(now: datetime) -> float:
    """Seconds."""
    return 3600 - (now.minute * 60 + now.second)


# --- Sending -------------------------------------------------------------------------------------


def send(letter: Letter) -> None:
    """Hands an e-mail to the mail server. Raises NotSent."""
    message = EmailMessage(
        subject=" ".join(letter.subject.split())[:LONGEST_SUBJECT],
        body=letter.text,
        to=list(letter.to),
        reply_to=[letter.reply_to] if letter.reply_to else None,
    )
    try:
        message.send()
    except smtplib.SMTPException as error:
        raise NotSent(f"the mail server refused it ({type(error).__name__})") from error
    except OSError as error:
        raise NotSent(f"the mail server cannot be reached ({type(error).__name__})") from error


def url_of(addresses: Sequence[str]) -> str:
    """The mailto URL (RFC 6068) that a subscription keeps."""
    return SCHEME + ",".join(quote(address, safe="@") for address in addresses)


def addresses_of(url: str) -> list[str]:
    return [unquote(part) for part in url.removeprefix(SCHEME).split(",") if part]


async def attempt(delivery: Claimed, within: float) -> Answer:
    """Sends a notification as an e-mail once; whatever goes wrong is an Answer without a status."""
    letter = await sync_to_async(_letter)(delivery, timezone.now())
    if isinstance(letter, Answer):
        return letter
    try:
        async with asyncio.timeout(within):
            await asyncio.to_thread(send, letter)
    except NotSent as error:
        return Answer(None, f"not sent: {error}")
    except TimeoutError:
        return Answer(None, f"no answer from the mail server within {within:g} seconds")
    return Answer(ACCEPTED)


def _letter(delivery: Claimed, now: datetime) -> Letter | Answer:
    """What to send, or why nothing may be sent now."""
    if not settings.EMAIL_ENABLED:
        return Answer(None, "not sent: this installation sends no e-mail")
    rows = Delivery.objects.filter(pk=delivery.id)
    found = rows.values_list("organization_id", "subscription__account_id").first()
    if found is None:
        return Answer(None, "not sent: the notification was deleted")
    organization_id, account_id = found
    to = permitted(organization_id, account_id, addresses_of(delivery.url))
    if not to:
        return Answer(
            None, "not sent: no recipient is a user of the organization with a verified address"
        )
    if not take(organization_id, len(to), now):
        return Answer(None, "not sent: the organization has had all its e-mails of this hour")
    subject, text = _text(json.loads(delivery.body))
    return Letter(to, subject, text)


def _text(body: dict[str, Any]) -> tuple[str, str]:
    """Subject and text for the body of a notification: one that was posted, or an instance's."""
    said = body["message"]
    if isinstance(said, str):
        sender = f"\n\n-- \n{body['from']}, {body['createdDate']}, notification {body['id']}\n"
        return f"[{body['severity']}] {body['topic']}", said + sender
    records = said["raw"].get(said["raw"]["objectType"], [])
    lines = [f"{key}: {value}" for record in records for key, value in record.items()]
    subject = f"{said.get('topic', 'event')}: {said['instanceName']}"
    return subject, "\n".join([*lines, "", "-- ", f"event {said['eventId']}", ""])
