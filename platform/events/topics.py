"""Subscriptions of topics: what may be subscribed to, and where to it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.reach import Reach
from api.errors import BadRequest, Conflict, Forbidden
from api.fields import mapping, text, texts
from events import audited, mail
from events.models import Channel, Delivery, Subscription
from events.representation import INSTANCE_EVENTS
from events.subscription import FETCHED, headers_text, lock, origin_of
from instances import callback, whsec
from instances.configuration import LONGEST_URL, callback_url

LONGEST_TOPIC = 200
MOST_TOPICS = 100  # of one subscription
MOST_RECIPIENTS = 10
MOST_SUBSCRIPTIONS = 1_000  # of an account: one notification goes to all of a topic

REMOVE_SUBSCRIPTION = (
    """
    DELETE FROM events_deliveryattempt a USING events_delivery d
     WHERE a.delivery_id = d.id AND d.subscription_id = %s
    """,
    """
    WITH removed AS (
        DELETE FROM events_delivery WHERE subscription_id = %s RETURNING id, event_id, status
    ), event AS (
        SELECT DISTINCT event_id FROM removed WHERE status <> 'delivered'
    ), left_over AS (
        SELECT event.event_id,
               count(d.id) FILTER (WHERE d.status <> 'delivered') AS waiting,
               count(d.id) AS receivers
          FROM event
          LEFT JOIN events_delivery d ON d.event_id = event.event_id
                AND d.id NOT IN (SELECT id FROM removed)
         GROUP BY event.event_id
    )
    UPDATE events_event e
       SET status = CASE WHEN receivers > 0 THEN 'NOTIFIED' ELSE 'NEW' END
      FROM left_over
     WHERE e.id = left_over.event_id AND left_over.waiting = 0
    """,
    "DELETE FROM events_subscription WHERE id = %s",
)
REMOVE_NOTIFICATION = (
    """
    DELETE FROM events_deliveryattempt a USING events_delivery d
     WHERE a.delivery_id = d.id AND d.event_id = %s
    """,
    "DELETE FROM events_delivery WHERE event_id = %s",
    "DELETE FROM events_event WHERE id = %s",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription as a request asks for it."""

    channel: str
    topics: list[str]
    url: str
    signature_key: str
    headers: str = ""


def read(body: Mapping[str, Any], reach: Reach) -> Wanted:
    """Reads {"channel", "topics", "config"}.

    Raises BadRequest naming the field, and Forbidden for a recipient who is no user.
    """
    channel = text(body, "channel", required=True)
    if channel not in Channel.values:
        raise BadRequest(f"channel must be one of {', '.join(Channel.values)}")
    topics = _topics(body)
    config = mapping(body, "config", required=True)
    if channel == Channel.EMAIL:
        return Wanted(channel, topics, mail.url_of(_recipients(config, reach)), "")
    if channel == Channel.QUEUE:
        return Wanted(channel, topics, "", "")
    key = text(config, "signatureKey", at="config")
    whsec.check(key, "config.signatureKey")
    return Wanted(channel, topics, _callback(config), key, _headers(config))


def _topics(body: Mapping[str, Any]) -> list[str]:
    topics = texts(body, "topics", longest=LONGEST_TOPIC, most=MOST_TOPICS)
    if not topics or not all(topics):
        raise BadRequest("topics must be a list of at least one topic, none of them empty")
    if INSTANCE_EVENTS in topics:
        raise BadRequest(
            f"topics: {INSTANCE_EVENTS} go to the URL that each instance has in its configuration "
            "as event.notification.callback.url"
        )
    return list(dict.fromkeys(topics))


def _callback(config: Mapping[str, Any]) -> str:
    given = text(config, "url", at="config", required=True, longest=LONGEST_URL)
    return callback_url(given, path="config.url")


def _headers(config: Mapping[str, Any]) -> str:
    given = config.get("headers")
    if given is None:
        return ""
    if not isinstance(given, str | dict):
        raise BadRequest("config.headers must be an object, or lines such as X-Api-Key: abc")
    written = given if isinstance(given, str) else json.dumps(given)
    return headers_text(callback.read(written, path="config.headers"))


def _recipients(config: Mapping[str, Any], reach: Reach) -> list[str]:
    return recipients(config, "to", at="config", reach=reach)


def recipients(body: Mapping[str, Any], name: str, *, at: str, reach: Reach) -> list[str]:
    """Addresses that who has this reach may write to: a text with commas, or a list.

    Raises BadRequest, and Forbidden for one that isn't its own.
    """
    path = f"{at}.{name}" if at else name
    given = body.get(name)
    if isinstance(given, str):
        given = given.split(",")
    addresses = texts({name: given}, name, at=at, longest=254, most=MOST_RECIPIENTS)
    addresses = list(dict.fromkeys(one for one in addresses or [] if one))
    if not addresses:
        raise BadRequest(f"{path} is missing: it must be an e-mail address, or a list of them")
    for address in addresses:
        if not mail.is_address(address):
            raise BadRequest(f"{path} must hold e-mail addresses, such as user@example.com")
    if len(mail.permitted(reach.organization.pk, reach.account_id, addresses)) < len(addresses):
        whose = "organization" if reach.is_whole else "account"
        raise Forbidden(f"{path} may only name users of the {whose} whose address is verified")
    return addresses


@transaction.atomic
def subscribe(reach: Reach, wanted: Wanted) -> Subscription:
    """Subscribe to the topics of an account; where all is within reach, to those of all accounts.

    Raises Conflict where there are as many subscriptions as there may be.
    """
    others = Subscription.objects.filter(
        organization=reach.organization, account=reach.account_id, instance=None, owner=None
    )
    if others.count() >= MOST_SUBSCRIPTIONS:
        whose = "organization" if reach.is_whole else "account"
        raise Conflict(f"the {whose} has {MOST_SUBSCRIPTIONS} subscriptions, the most it may")
    return Subscription.objects.create(
        organization=reach.organization,
        account_id=reach.account_id,
        channel=wanted.channel,
        topics=wanted.topics,
        url=wanted.url,
        origin=origin_of(wanted.url),
        signature_key=wanted.signature_key,
        headers=wanted.headers,
        active=wanted.channel != Channel.QUEUE,
        deactivation_reason=FETCHED if wanted.channel == Channel.QUEUE else "",
    )


def unsubscribe(subscription_id: int) -> None:
    """Deletes a subscription of topics with its deliveries; what it alone had to get is settled."""
    found = Subscription.objects.filter(pk=subscription_id)
    with transaction.atomic():
        audited.unsubscribed(found)
        _remove(found, REMOVE_SUBSCRIPTION, [subscription_id])


def remove_notification(event_id: int) -> None:
    """Deletes a posted notification with its deliveries."""
    receivers = Delivery.objects.filter(event_id=event_id).values("subscription")
    _remove(Subscription.objects.filter(pk__in=receivers), REMOVE_NOTIFICATION, [event_id])


@transaction.atomic
def _remove(receivers: QuerySet[Subscription], statements: Sequence[str], key: list[int]) -> None:
    """Waits for attempts that are being recorded just now, so that none leaves a row behind."""
    lock(receivers)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, key)
