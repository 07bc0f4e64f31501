"""E-mails to the user who connected an account, about that account.

They go the way of all notifications, to a subscription of the user's own that is made when it is
first needed. Nobody subscribes to it, and what it fails to deliver is told to nobody: else a mail
server that is away would make ever more e-mails.

An installation switches them off by OWNER_EMAILS, an instance by `notification.owner.email`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import User
from events import mail
from events.models import Channel, Delivery, Subscription
from events.own_topics import OWN_TOPICS
from instances.configuration import OWNER_EMAIL
from instances.models import ElementInstance

SELDOM = timedelta(hours=1)  # between two e-mails about what befalls many accounts together


def subscription_of(instance: ElementInstance, topic: str, now: datetime) -> Subscription | None:
    """Where an e-mail about the instance goes; None where none is wanted, or one came just now."""
    if not (settings.EMAIL_ENABLED and settings.OWNER_EMAILS) or not _wanted(instance):
        return None
    users = User.objects.filter(is_active=True, address_verified_at__isnull=False)
    owner = users.filter(pk=instance.user_id).first()
    if owner is None:
        return None
    own = _own(owner, instance.organization_id)
    if OWN_TOPICS[topic].common and _came_just_now(own, topic, now):
        return None
    return own


def _wanted(instance: ElementInstance) -> bool:
    return str(instance.configuration.get(OWNER_EMAIL, "")).strip().lower() != "false"


def _own(owner: User, organization_id: int) -> Subscription:
    url = mail.url_of([owner.username])
    found = Subscription.objects.filter(owner=owner).first()
    if found is None:
        try:
            with transaction.atomic():
                return Subscription.objects.create(
                    organization_id=organization_id, owner=owner, channel=Channel.EMAIL, url=url
                )
        except IntegrityError:  # somebody was faster
            found = Subscription.objects.get(owner=owner)
    if found.url != url or not found.active:
        # A mail server that was away for days is no reason for silence ever after.
        found.url, found.active, found.failing_since = url, True, None
        found.save(update_fields=["url", "active", "failing_since"])
    return found


def _came_just_now(own: Subscription, topic: str, now: datetime) -> bool:
    return Delivery.objects.filter(
        subscription=own, event__topic=topic, created_at__gt=now - SELDOM
    ).exists()
