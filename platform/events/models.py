"""What was found, and its way to those who want to know."""

from __future__ import annotations

import json

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models

from encryption.fields import EncryptedModel, EncryptedTextField, SparseEncryptedTextField
from events.unsigned_address import UnsignedAddress as UnsignedAddress


class EventStatus(models.TextChoices):
    """The words that `GET /instances/{id}/events` answers."""

    NEW = "NEW", "NEW"  # recorded; nobody to send it to
    DISPATCHED = "DISPATCHED", "DISPATCHED"  # on its way
    NOTIFIED = "NOTIFIED", "NOTIFIED"  # the callback answered 2xx


class Severity(models.TextChoices):
    LOW = "low", "low"
    MEDIUM = "medium", "medium"
    HIGH = "high", "high"


TOLD_BY_DELIVERY = models.Q(status=EventStatus.DISPATCHED, topic="")  # events: see events.status


class Event(models.Model):
    """One notification: at most ten objects that one poll found, or a word about something.

    `body` is the callback body to the byte, so that each attempt sends and signs the same.

    An event of an instance goes to that instance's subscription. One with a `topic` goes, also or
    only, to the organization's subscriptions of that topic. Without an instance it is a
    notification that somebody posted.
    """

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, db_index=False
    )
    instance = models.ForeignKey(
        "instances.ElementInstance",
        on_delete=models.CASCADE,
        related_name="events",
        db_index=False,
        null=True,
    )
    object_type = models.CharField(max_length=100)  # the polled resource, "instance", or none
    # As it was recorded; events.status has the word of today.
    status = models.CharField(max_length=12, choices=EventStatus, default=EventStatus.NEW)
    objects_found = models.JSONField(default=list)  # [{"objectId", "eventType"}]
    topic = models.CharField(max_length=200, blank=True, default="", db_default="")
    severity = models.CharField(
        max_length=6, choices=Severity, default=Severity.LOW, db_default=Severity.LOW
    )
    sender = models.CharField(max_length=200, blank=True, default="", db_default="")
    message = models.TextField(blank=True, default="", db_default="")
    acknowledged = models.BooleanField(default=False, db_default=False)
    # The id of the polling.PollRun that found it. No key: that room is above this one, and the
    # runs of a resource go with it.
    poll_run = models.BigIntegerField(null=True)
    body = models.TextField()
    # Of one without an instance (accounts.reach); none: the organization's own.
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, null=True, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        # Every list is ordered by (created_at, id), newest first: each index gives one filter's
        # rows in that order, so that a page costs the same however many there are. The first also
        # answers analytics without a look at the table. What an index of an organization's events
        # leaves out is in the last one.
        indexes = [
            models.Index(
                fields=["organization", "created_at", "id"],
                include=["instance", "status"],
                condition=models.Q(instance__isnull=False),
                name="event_of_organization_by_time",
            ),
            # Of those that say it themselves (events.status): few.
            models.Index(
                fields=["organization", "status", "created_at", "id"],
                condition=models.Q(instance__isnull=False) & ~TOLD_BY_DELIVERY,
                name="event_that_says_its_status",
            ),
            models.Index(
                fields=["organization", "object_type", "created_at", "id"],
                condition=models.Q(instance__isnull=False),
                name="event_of_type_by_time",
            ),
            models.Index(fields=["instance", "created_at", "id"], name="event_of_instance_by_time"),
            models.Index(
                fields=["organization", "topic", "created_at", "id"],
                condition=~models.Q(topic=""),
                name="event_of_topic_by_time",
            ),
            models.Index(
                fields=["account"],
                condition=models.Q(account__isnull=False),
                name="event_of_account",
            ),
            BrinIndex(fields=["created_at"], name="event_age"),  # small, and ids follow time
            GinIndex(
                fields=["objects_found"], opclasses=["jsonb_path_ops"], name="event_of_object"
            ),
        ]
        permissions = [
            ("view_payload", "Can see what is in events, and what receivers answer"),
        ]

    def __str__(self) -> str:
        return f"event {self.pk}"

    @property
    def is_told_by_delivery(self) -> bool:
        return self.status == EventStatus.DISPATCHED and not self.topic


class Channel(models.TextChoices):
    WEBHOOK = "webhook", "webhook"
    EMAIL = "email", "email"
    QUEUE = "queue", "queue"  # nobody is called: everything is queued, until it is fetched


class Subscription(EncryptedModel):
    """Where notifications are sent: those of one instance, or those of topics.

    Of an instance's, events.subscription keeps it in step with the configuration; one of topics
    has no instance. `url` is a callback's, or of an e-mail a mailto URL (RFC 6068); empty means
    nowhere. Deactivated: later notifications are queued. `failing_since` is set from a failed
    attempt until the next success; a failing subscription gets one attempt at a time. `origin` is
    the scheme, host and port of the URL, which bounds what many subscriptions to one server take
    together.
    """

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE)
    instance = models.OneToOneField(
        "instances.ElementInstance",
        on_delete=models.CASCADE,
        related_name="subscription",
        null=True,
    )
    # The user whom e-mails about own accounts go to by this one; see events.owner_mail.
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", null=True
    )
    # Of one of topics (accounts.reach); none: the organization's own, which gets what all its
    # accounts have.
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, null=True, related_name="+"
    )
    channel = models.CharField(
        max_length=10, choices=Channel, default=Channel.WEBHOOK, db_default=Channel.WEBHOOK
    )
    topics = ArrayField(models.CharField(max_length=200), default=list, db_default=[])
    url = models.TextField(blank=True)
    origin = models.TextField(blank=True)
    signature_key = EncryptedTextField(default="")
    retired_keys = SparseEncryptedTextField()  # JSON; see events.signing_key
    headers = SparseEncryptedTextField()  # JSON [[name, value]]; read as `sent_along`
    ordered = models.BooleanField(default=False, db_default=False)  # see events.order
    active = models.BooleanField(default=True)
    failing_since = models.DateTimeField(null=True)
    deactivated_at = models.DateTimeField(null=True)
    deactivation_reason = models.TextField(blank=True)
    # Of which `failing_since` and `deactivated_at` it was told; see events.failing.
    failing_told_of = models.DateTimeField(null=True)
    deactivation_told_of = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "id"],
                condition=models.Q(instance__isnull=True),
                name="subscription_of_topics",
            ),
            models.Index(
                fields=["failing_since"],
                condition=models.Q(failing_since__isnull=False),
                name="subscription_failing",
            ),
            models.Index(
                fields=["deactivated_at"],
                condition=models.Q(deactivated_at__isnull=False),
                name="subscription_off",
            ),
            models.Index(
                fields=["instance"],
                condition=models.Q(active=False),
                name="subscription_not_active",
            ),
            models.Index(fields=["origin"], name="subscription_of_origin"),
        ]

    def __str__(self) -> str:
        if self.instance_id is None:
            return f"subscription {self.pk} of {', '.join(self.topics)}"
        return f"subscription of instance {self.instance_id}"

    @property
    def sent_along(self) -> list[tuple[str, str]]:
        """The customer's own headers, name and value of each. Raises UnsealError."""
        return [(name, value) for name, value in json.loads(self.headers or "[]")]


class Endpoint(models.Model):
    """A server of an organization's callbacks that does not answer well; see events.breaker.

    `failures` in a row since it last did; `open_until` while nothing is sent to it, and null as
    long as they are few.
    """

    organization = models.ForeignKey(
        "accounts.Organization",
        on_delete=models.CASCADE,
        db_index=False,  # the constraint below begins with it
    )
    origin = models.TextField()
    failures = models.PositiveIntegerField()
    probes = models.PositiveIntegerField()  # attempts since it opened, all of them failed
    open_until = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "origin"], name="one_endpoint"),
        ]

    def __str__(self) -> str:
        return self.origin


class DeliveryStatus(models.TextChoices):
    CREATED = "created", "created"  # not tried yet
    RETRY = "retry", "retry"  # failed, tried again at next_attempt_at
    DELIVERED = "delivered", "delivered"
    QUEUED = "queued", "queued"  # kept until somebody fetches it or asks for it to be sent again
    WAITING = "waiting", "waiting"  # for an earlier one of the same object; see events.order
    FAILED = "failed", "failed"  # given up, alone: sent again on request; a test never is


NOT_ARRIVED = ["created", "retry", "queued", "waiting", "failed"]


class Delivery(models.Model):
    """One event on its way to one subscription. Claimed like a polling resource.

    `failures` and `first_failed_at` are of the present round of tries, which sending a queued
    delivery again starts anew; `attempts_made` counts them all.
    """

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, db_index=False
    )
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="deliveries"
    )
    webhook_id = models.CharField(max_length=40)  # the same for every attempt
    object_keys = ArrayField(models.BigIntegerField(), null=True)  # of an ordered subscription
    status = models.CharField(max_length=10, choices=DeliveryStatus, default=DeliveryStatus.CREATED)
    next_attempt_at = models.DateTimeField()
    lease_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts_made = models.PositiveIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    first_failed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()  # the event's
    updated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "subscription"], name="one_delivery_of_an_event"
            ),
            # `unique=True` would make an index by the beginning, too, which nobody asks for.
            models.UniqueConstraint(fields=["webhook_id"], name="events_delivery_webhook_id_key"),
        ]
        indexes = [
            # The walk over what is due, and each claim.
            models.Index(
                fields=["subscription", "next_attempt_at"],
                condition=models.Q(status__in=["created", "retry"]),
                name="delivery_due",
            ),
            models.Index(
                fields=["subscription", "id"],
                condition=models.Q(status="queued"),
                name="delivery_queued",
            ),
            GinIndex(
                fields=["object_keys"],
                condition=models.Q(
                    object_keys__isnull=False,
                    status__in=["created", "retry", "waiting", "queued"],
                ),
                name="delivery_in_order",
            ),
            # Lists of deliveries, and of events by their status, newest first: each delivery is in
            # one of two. What has failed is rare and looked for among all the rest.
            models.Index(
                fields=["organization", "created_at", "id"],
                condition=models.Q(status="delivered"),
                name="delivery_arrived",
            ),
            models.Index(
                fields=["organization", "created_at", "id"],
                condition=models.Q(status__in=NOT_ARRIVED),
                name="delivery_on_its_way",
            ),
            models.Index(
                fields=["organization", "created_at", "id"],
                condition=models.Q(status__in=["retry", "queued", "failed"]),
                name="delivery_that_failed",
            ),
            models.Index(
                fields=["status", "id"],
                condition=models.Q(status__in=["retry", "queued", "waiting", "failed"]),
                name="delivery_kept_back",
            ),
        ]

    def __str__(self) -> str:
        return self.webhook_id


class DeliveryAttempt(models.Model):
    """One HTTP try of a delivery. `status_code` is None when no answer came."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.TextField(blank=True)
    response_excerpt = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"


class EmailCount(models.Model):
    """How many e-mails an organization had sent within one hour; see events.mail."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE)
    hour = models.DateTimeField()
    sent = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "hour"], name="one_count_an_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.sent} e-mails since {self.hour}"


class ReceivedWebhook(models.Model):
    """What a provider sent to an instance, so that the same sent again is known.

    `digest` is SHA-256, in hexadecimal, of the provider's id of it or of all that it sent.
    """

    instance = models.ForeignKey(
        "instances.ElementInstance",
        on_delete=models.CASCADE,
        db_index=False,  # the constraint below begins with it
    )
    digest = models.CharField(max_length=64)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instance", "digest"], name="one_receipt_of_a_webhook"),
        ]
        indexes = [BrinIndex(fields=["received_at"], name="received_webhook_age")]

    def __str__(self) -> str:
        return self.digest


class RefusedWebhook(models.Model):
    """A proven webhook that nothing could be made of: events.refused.

    `digest` is SHA-256, in hexadecimal, of its media type and all that was sent. `headers` are
    those that the element reads. `body` is empty where it is larger than is kept; `size` is its.
    """

    instance = models.ForeignKey(
        "instances.ElementInstance",
        on_delete=models.CASCADE,
        db_index=False,  # the constraint below begins with it
    )
    digest = models.CharField(max_length=64)
    reason = models.TextField()
    media_type = models.CharField(max_length=100, blank=True)
    headers = models.JSONField(default=dict)
    size = models.PositiveIntegerField()  # bytes
    body = models.BinaryField()
    times = models.PositiveIntegerField(default=1)  # that it was sent
    created_at = models.DateTimeField()
    last_received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instance", "digest"], name="one_row_a_refused"),
        ]
        indexes = [BrinIndex(fields=["last_received_at"], name="refused_webhook_age")]

    def __str__(self) -> str:
        return f"refused at {self.last_received_at:%Y-%m-%d %H:%M:%S}"


class UrlCheckLease(models.Model):
    """An organization whose callback URL is being checked now, which is done one at a time."""

    organization = models.OneToOneField(
        "accounts.Organization", on_delete=models.CASCADE, primary_key=True
    )
    lease_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"check of a callback URL of organization {self.organization_id}"


class VendorSubscription(models.Model):
    """What a provider's webhooks call an instance: event.notification.subscription.id.

    events.receiver_instances keeps it in step with the configuration. Nothing keeps two instances
    from being called alike.
    """

    instance = models.OneToOneField(
        "instances.ElementInstance", on_delete=models.CASCADE, primary_key=True
    )
    element_key = models.CharField(max_length=100)
    vendor_id = models.CharField(max_length=200)

    class Meta:
        indexes = [
            models.Index(
                fields=["element_key", "vendor_id", "instance"], name="vendor_subscription_by_id"
            ),
        ]

    def __str__(self) -> str:
        return self.vendor_id
