"""What was found, and its way to those who want to know."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Coalesce

from encryption.fields import EncryptedModel, EncryptedTextField


class EventStatus(models.TextChoices):
    """The words that `GET /instances/{id}/events` answers."""

    NEW = "NEW", "NEW"  # recorded; nobody to send it to
    DISPATCHED = "DISPATCHED", "DISPATCHED"  # on its way
    NOTIFIED = "NOTIFIED", "NOTIFIED"  # the callback answered 2xx


class Event(models.Model):
    """One notification: at most ten objects that one poll found, or a word about the instance.

    `body` is the callback body to the byte, so that each attempt sends and signs the same.
    """

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE)
    instance = models.ForeignKey(
        "instances.ElementInstance", on_delete=models.CASCADE, related_name="events"
    )
    object_type = models.CharField(max_length=100)  # the polled resource, or "instance"
    status = models.CharField(max_length=12, choices=EventStatus, default=EventStatus.NEW)
    objects_found = models.JSONField(default=list)  # [{"objectId", "eventType"}]
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["instance", "-id"], name="event_of_instance"),
            models.Index(fields=["organization", "-id"], name="event_of_organization"),
        ]

    def __str__(self) -> str:
        return f"event {self.pk}"


class Subscription(EncryptedModel):
    """Where the notifications of one instance are sent. Deactivated: later ones are queued."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE)
    instance = models.OneToOneField(
        "instances.ElementInstance", on_delete=models.CASCADE, related_name="subscription"
    )
    url = models.TextField()
    signature_key = EncryptedTextField(default="")
    active = models.BooleanField(default=True)
    deactivated_at = models.DateTimeField(null=True)
    deactivation_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"subscription of instance {self.instance_id}"


class DeliveryStatus(models.TextChoices):
    CREATED = "created", "created"
    RETRY = "retry", "retry"
    DELIVERED = "delivered", "delivered"
    QUEUED = "queued", "queued"


class Delivery(models.Model):
    """One event on its way to one subscription. Claimed like a polling resource."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="deliveries"
    )
    webhook_id = models.CharField(max_length=40, unique=True)  # the same for every attempt
    status = models.CharField(
        max_length=10, choices=DeliveryStatus, default=DeliveryStatus.CREATED
    )
    next_attempt_at = models.DateTimeField()
    lease_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    first_failed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "subscription"], name="one_delivery_of_an_event"
            ),
        ]
        indexes = [
            models.Index(
                "subscription",
                Coalesce("lease_until", "next_attempt_at"),
                condition=models.Q(status__in=["created", "retry"]),
                name="delivery_claimable",
            ),
        ]

    def __str__(self) -> str:
        return self.webhook_id


class DeliveryAttempt(models.Model):
    """One HTTP try of a delivery."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
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
