"""/notifications: what somebody posts to a topic, and e-mails."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.reach import Reach
from api.authentication import caller_of
from api.errors import BadGateway, BadRequest, Conflict, Forbidden, NotFound
from api.fields import id_in_path, json_object, text
from api.paging import latest_page_of
from api.schema import PAGED, documented, listed
from events import mail, notification_schema, representation, topics
from events.models import Event, Severity
from events.payload import Notice
from events.record import record_notice
from transport import waiting

LONGEST_MESSAGE = 100_000  # characters
LONGEST_SENDER = 200
MOST_TOPICS = 20  # in one query


class NotificationsView(APIView):
    @documented(
        "Post a notification to a topic",
        request=notification_schema.NOTIFICATION_WANTED,
        request_example=notification_schema.NOTIFICATION_WANTED_EXAMPLE,
        answer=notification_schema.NOTIFICATION,
        example=notification_schema.NOTIFICATION_EXAMPLE,
    )
    def post(self, request: Request) -> Response:
        """Its deliveries to the topic's subscriptions exist when this answers, and are under way.

        `severity` is low unless given, and `from` the caller's e-mail address.
        """
        caller = caller_of(request)
        body = json_object(request.data)
        topic = text(body, "topic", required=True, longest=topics.LONGEST_TOPIC)
        if topic == representation.INSTANCE_EVENTS:
            raise BadRequest(f"topic: {topic} is the platform's own")
        severity = text(body, "severity").lower() or Severity.LOW
        if severity not in Severity.values:
            raise BadRequest(f"severity must be one of {', '.join(Severity.values)}")
        notice = Notice(
            topic=topic,
            message=text(body, "message", required=True, longest=LONGEST_MESSAGE),
            severity=severity,
            sender=text(body, "from", longest=LONGEST_SENDER) or caller.user.username,
        )
        with transaction.atomic():
            event = record_notice(
                caller.organization.pk, caller.user.account_id, notice, timezone.now()
            )
        return Response(representation.notification(event))

    @documented(
        "List the notifications of topics",
        answer=listed(notification_schema.NOTIFICATION),
        example=[notification_schema.NOTIFICATION_EXAMPLE],
        parameters=[notification_schema.TOPICS],
        pages=PAGED,
    )
    def get(self, request: Request) -> Response:
        """Newest first; none is an empty list."""
        asked = [topic for topic in request.query_params.getlist("topics[]") if topic.strip()]
        if not asked:
            raise BadRequest("topics[] is missing: it names the topic, and may be repeated")
        if len(asked) > MOST_TOPICS:
            raise BadRequest(f"topics[] is given {len(asked)} times; {MOST_TOPICS} are allowed")
        found = notifications(request).filter(topic__in=asked).exclude(topic="")
        listing = latest_page_of(request, found, large=["message"])
        return Response(
            [representation.notification(event) for event in listing.rows],
            headers=listing.headers,
        )


class NotificationView(APIView):
    @documented(
        "Read a notification",
        answer=notification_schema.NOTIFICATION,
        example=notification_schema.NOTIFICATION_EXAMPLE,
    )
    def get(self, request: Request, notification_id: str) -> Response:
        """An event of an instance is a notification too, under the event's id."""
        return Response(representation.notification(notification(request, notification_id)))

    @documented("Delete a notification", errors=[409])
    def delete(self, request: Request, notification_id: str) -> Response:
        """With its deliveries, whether they have arrived or not."""
        found = notification(request, notification_id)
        if found.instance_id is not None:
            raise Conflict(
                f"notification {notification_id} is an event of element instance "
                f"{found.instance_id}, and is deleted with it"
            )
        topics.remove_notification(found.pk)
        return Response()


class AcknowledgeView(APIView):
    @documented(
        "Acknowledge a notification",
        answer=notification_schema.NOTIFICATION,
        example={**notification_schema.NOTIFICATION_EXAMPLE, "acknowledged": True},
    )
    def put(self, request: Request, notification_id: str) -> Response:
        found = notification(request, notification_id)
        Event.objects.filter(pk=found.pk).update(acknowledged=True)
        found.acknowledged = True
        return Response(representation.notification(found))


class EmailsView(APIView):
    @documented(
        "Send an e-mail",
        request=notification_schema.EMAIL_WANTED,
        request_example=notification_schema.EMAIL_WANTED_EXAMPLE,
        errors=[403, 502],
    )
    def post(self, request: Request) -> Response:
        """To users within reach, who get it from the installation's own address: `from` is
        where their answers go."""
        reach = caller_of(request).reach
        letter = _letter(json_object(request.data), reach)
        if not settings.EMAIL_ENABLED:
            raise Forbidden("this installation sends no e-mail: the setting EMAIL_URL is empty")
        waiting.begin()
        now = timezone.now()
        if not mail.take(reach.organization.pk, len(letter.to), now):
            raise Throttled(
                mail.until_next_hour(now),
                f"the organization may send {settings.EMAILS_PER_HOUR} e-mails an hour",
            )
        try:
            mail.send(letter)
        except mail.NotSent as error:
            raise BadGateway(f"the e-mail was not sent: {error}") from error
        return Response()


def _letter(body: dict[str, Any], reach: Reach) -> mail.Letter:
    reply_to = text(body, "from", longest=254)
    if reply_to and not mail.is_address(reply_to):
        raise BadRequest("from must be an e-mail address, such as user@example.com")
    return mail.Letter(
        to=topics.recipients(body, "to", at="", reach=reach),
        subject=text(body, "subject", longest=mail.LONGEST_SUBJECT),
        text=text(body, "message", longest=LONGEST_MESSAGE),
        reply_to=reply_to,
    )


def notifications(request: Request) -> QuerySet[Event]:
    """Those within the caller's reach, with what an answer says of them."""
    return (
        caller_of(request)
        .reach.rows(Event)
        .select_related("instance")
        .only(*representation.NOTIFICATION_COLUMNS)
    )


def notification(request: Request, notification_id: str) -> Event:
    """Raises NotFound for one that isn't within reach."""
    found = notifications(request).filter(pk=id_in_path(notification_id)).first()
    if found is None:
        raise NotFound(f"No notification found with id {notification_id}")
    return found
