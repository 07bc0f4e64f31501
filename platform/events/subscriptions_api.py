"""/notifications/subscriptions, and the deliveries of notifications to them."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import caller_of
from api.errors import BadRequest, Conflict, NotFound
from api.fields import flag, id_in_path, json_object
from api.paging import Part, latest_page_of, whole_list
from api.schema import PAGED, WHERE, WHOLE, documented, listed
from api.where import asks_for, choice, date, narrowed, number, text
from events import notification_schema as schema
from events import representation, topics
from events.models import NOT_ARRIVED, Channel, Delivery, DeliveryStatus, Subscription
from events.notifications_api import notification
from events.redeliver import MOST_SENT_AGAIN, send_again, sendable

FIELDS = {
    "channel": choice("subscription__channel", Channel.values),
    "status": choice("status", DeliveryStatus.values),
    "config.url": text("subscription__url"),
    "createdDate": date("created_at"),
    "updatedDate": date("updated_at"),
    "notificationId": number("event_id"),
    "eventId": number("event_id"),
    "objectType": text("event__object_type"),
    "instanceId": number("event__instance_id"),
    "subscriptionId": number("subscription_id"),
    "topic": text("event__topic"),
}
LARGE = ("event__message", "subscription__url", "subscription__topics")  # columns of a delivery
# An account's subscriptions, the organization's own, the instance's, and the owner's.
MOST_OF_A_NOTIFICATION = 2 * topics.MOST_SUBSCRIPTIONS + 2


class SubscriptionsView(APIView):
    @documented(
        "Subscribe to topics",
        request=schema.SUBSCRIPTION_WANTED,
        request_example=schema.SUBSCRIPTION_WANTED_EXAMPLE,
        answer=schema.SUBSCRIPTION,
        example=schema.SUBSCRIPTION_EXAMPLE,
        errors=[403, 409],
    )
    def post(self, request: Request) -> Response:
        """A webhook gets notifications at `config.url`, signed with `config.signatureKey` if there
        is one; an e-mail goes to the users in `config.to`. The same again makes another one."""
        reach = caller_of(request).reach
        wanted = topics.read(json_object(request.data), reach)
        return Response(representation.subscription(topics.subscribe(reach, wanted)))

    @documented(
        "List the subscriptions of topics",
        answer=listed(schema.SUBSCRIPTION),
        example=[schema.SUBSCRIPTION_EXAMPLE],
        pages=PAGED,
    )
    def get(self, request: Request) -> Response:
        """Newest first. Those of element instances are in the instances' configuration."""
        found = _subscriptions(request).filter(instance=None, owner=None)
        listing = latest_page_of(request, found, large=["url", "topics"])
        return Response(
            [representation.subscription(one) for one in listing.rows], headers=listing.headers
        )


class SubscriptionView(APIView):
    @documented(
        "Read a subscription", answer=schema.SUBSCRIPTION, example=schema.SUBSCRIPTION_EXAMPLE
    )
    def get(self, request: Request, subscription_id: str) -> Response:
        return Response(representation.subscription(subscription_of(request, subscription_id)))

    @documented("Delete a subscription", errors=[409])
    def delete(self, request: Request, subscription_id: str) -> Response:
        """With its deliveries, whether they have arrived or not."""
        found = subscription_of(request, subscription_id)
        if found.instance_id is not None:
            raise Conflict(
                f"subscription {subscription_id} follows the configuration of element instance "
                f"{found.instance_id}: empty its event.notification.callback.url instead"
            )
        if found.owner_id is not None:
            raise Conflict(
                f"subscription {subscription_id} is of the e-mails to who connected an account: "
                "switch them off by notification.owner.email in the instance's configuration"
            )
        topics.unsubscribe(found.pk)
        return Response()


class AllDeliveriesView(APIView):
    @documented(
        "List deliveries",
        answer=listed(schema.DELIVERY),
        example=[schema.DELIVERY_EXAMPLE],
        parameters=[WHERE, schema.HYDRATE],
        pages=PAGED,
    )
    def get(self, request: Request) -> Response:
        """Newest first: those of events of instances, and of notifications. `where` knows channel,
        status, config.url, createdDate, updatedDate, notificationId, eventId (the same),
        objectType, instanceId, subscriptionId and topic."""
        found = narrowed(_deliveries(request), request.query_params.get("where"), FIELDS)
        listing = latest_page_of(request, found, parts=_parts(found), large=LARGE)
        hydrate = _hydrate(request)
        return Response(
            [representation.delivery(one, hydrate=hydrate) for one in listing.rows],
            headers=listing.headers,
        )

    @documented(
        "Send queued deliveries again",
        answer=listed(schema.DELIVERY),
        example=[{**schema.DELIVERY_EXAMPLE, "status": "created"}],
        parameters=[schema.WHERE_REQUIRED, schema.HYDRATE],
        pages=PAGED,
    )
    def put(self, request: Request) -> Response:
        """Turns the subscriptions on again that were deactivated, and sends what is queued to
        them or was given up, as far as `where` says; where it speaks of `status`, what has arrived,
        too. At most 100,000,
        oldest first. Answers the latest of what is sent again; Elements-Total-Count says how many
        it is."""
        where = request.query_params.get("where", "")
        if not where.strip():
            raise BadRequest(
                "where is missing: it says what to send again, such as "
                "channel='webhook' and status='queued'"
            )
        found = narrowed(_deliveries(request), where, FIELDS)
        arrived = asks_for(where, "status")
        asked = sendable(found, arrived=arrived)
        rows = latest_page_of(request, asked, parts=_parts(asked), large=LARGE).rows
        now = timezone.now()
        sent = send_again(found.select_related(None).only("pk"), now, arrived=arrived)
        latest = _deliveries(request).filter(
            pk__in=[row.pk for row in rows], status=DeliveryStatus.CREATED, updated_at=now
        )
        hydrate = _hydrate(request)
        answered = [
            representation.delivery(one, hydrate=hydrate)
            for one in latest.order_by("-created_at", "-id")
        ]
        headers = {
            "Elements-Returned-Count": str(len(answered)),
            "Elements-Total-Count": str(sent),
        }
        if sent >= MOST_SENT_AGAIN:
            headers["Elements-Error"] = (
                f"{sent} were sent again: ask again for the rest, and of what has arrived with a "
                "later createdDate"
            )
        return Response(answered, headers=headers)


class NotificationDeliveriesView(APIView):
    @documented(
        "List the deliveries of a notification",
        answer=listed(schema.DELIVERY),
        example=[schema.DELIVERY_EXAMPLE],
        parameters=[schema.HYDRATE],
        pages=WHOLE,
    )
    def get(self, request: Request, notification_id: str) -> Response:
        event = notification(request, notification_id)
        found = _deliveries(request).filter(event=event).order_by("id")[:MOST_OF_A_NOTIFICATION]
        hydrate = _hydrate(request)
        return whole_list([representation.delivery(one, hydrate=hydrate) for one in found])


class SubscriptionDeliveryView(APIView):
    @documented(
        "Read the delivery of a notification to a subscription",
        answer=schema.DELIVERY,
        example=schema.DELIVERY_EXAMPLE,
        parameters=[schema.HYDRATE],
    )
    def get(self, request: Request, notification_id: str, subscription_id: str) -> Response:
        found = (
            _deliveries(request)
            .filter(event=id_in_path(notification_id), subscription=id_in_path(subscription_id))
            .first()
        )
        if found is None:
            raise NotFound(
                f"No delivery found of notification {notification_id} to subscription "
                f"{subscription_id}"
            )
        return Response(representation.delivery(found, hydrate=_hydrate(request)))


def _hydrate(request: Request) -> bool:
    return flag(request.query_params, "hydrate")


def _subscriptions(request: Request) -> QuerySet[Subscription]:
    own = caller_of(request).reach.rows(Subscription)
    return own.only(*representation.SUBSCRIPTION_COLUMNS)


def subscription_of(request: Request, subscription_id: str) -> Subscription:
    """One within the caller's reach. Raises NotFound."""
    found = _subscriptions(request).filter(pk=id_in_path(subscription_id)).first()
    if found is None:
        raise NotFound(f"No subscription found with id {subscription_id}")
    return found


def _parts(deliveries: QuerySet[Delivery]) -> list[Part[Delivery]]:
    """Each has an index of its own."""
    arrived = Part(deliveries.filter(status=DeliveryStatus.DELIVERED))
    return [arrived, Part(deliveries.filter(status__in=NOT_ARRIVED))]


def _deliveries(request: Request) -> QuerySet[Delivery]:
    """Those within the caller's reach, with what an answer says of them."""
    return (
        caller_of(request)
        .reach.rows(Delivery)
        .select_related("subscription", "event__instance")
        .only(*representation.DELIVERY_COLUMNS)
    )
