"""Events, and what became of them. Bodies and answers are for those who may see payloads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from administration.acting import ActingPage
from administration.page import (
    VIEW_PAYLOADS,
    ReadOnly,
    ReadOnlyInline,
    ReadOnlyPage,
    by_number,
    pretty,
)
from events.models import (
    Delivery,
    DeliveryAttempt,
    Endpoint,
    Event,
    RefusedWebhook,
    Subscription,
)
from events.status import statuses_of
from events.subscription import origin_of
from explanations.masking import masked_url
from instances.reconnect_link import masked


class DeliveryInline(ReadOnlyInline[Delivery, Event]):
    model = Delivery
    readonly_fields = ["webhook_id", "subscription", "status", "next_attempt_at", "attempts_made"]
    fields = (*readonly_fields,)
    ordering = ["pk"]
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).select_related("subscription")


@admin.register(Event)
class EventPage(ReadOnlyPage[Event]):
    list_display = [
        "id",
        "created_at",
        "organization",
        "instance",
        "object_type",
        "topic",
        "status",
    ]
    list_select_related = ["instance", "organization"]
    search_fields = ["id"]
    search_help_text = "the id of the event or of its instance, or a webhook-id"
    asked_by = ["instance__id__exact"]
    inlines = [DeliveryInline]

    def sought(self, term: str) -> Q | None:
        sent = Delivery.objects.filter(webhook_id=term)
        return by_number(term, "pk", "instance") or Q(pk__in=sent.values("event"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).defer("body", "message")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        listed = super().get_changelist_instance(request)
        listed.result_list = list(listed.result_list)
        _tell_status(listed.result_list)
        return listed

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Event | None:
        event = super().get_object(request, object_id, from_field)
        _tell_status([] if event is None else [event])
        return event

    @admin.display(description="objects found")
    def objects(self, event: Event) -> str:
        return pretty(event.objects_found)

    @admin.display(description="body")
    def shown_body(self, event: Event) -> str:
        """Owners are sent links that connect their accounts again: they are for nobody else."""
        return masked(event.body)

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> list[Any]:
        return self.get_fields(request, obj)

    def get_fields(self, request: HttpRequest, obj: Event | None = None) -> list[Any]:
        told = [
            "organization",
            "instance",
            "object_type",
            "topic",
            "severity",
            "status",
            "objects",
            "poll_run",
            "created_at",
        ]
        return [*told, "message", "shown_body"] if request.user.has_perm(VIEW_PAYLOADS) else told


def _tell_status(events: Collection[Event]) -> None:
    """Shows the word of today. Nothing here is stored."""
    statuses = statuses_of(events)
    for event in events:
        event.status = statuses[event.pk]


class SendingFilter(admin.SimpleListFilter):
    title = "sending"
    parameter_name = "sending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failing", "failing"), ("off", "turned off")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Subscription]
    ) -> QuerySet[Subscription]:
        """By what the dashboard counts (events.backlog), each by an index of its own."""
        match self.value():
            case "failing":
                return queryset.filter(failing_since__isnull=False, active=True)
            case "off":
                off = queryset.filter(deactivated_at__isnull=False, active=False)
                return off.exclude(url="")
        return queryset


@admin.register(Subscription)
class SubscriptionPage(ReadOnly, ActingPage[Subscription]):
    list_display = [
        "id",
        "instance",
        "topics",
        "address",
        "active",
        "failing_since",
        "deactivated_at",
        "deactivation_reason",
    ]
    list_filter = [SendingFilter]
    list_select_related = ["instance"]
    search_fields = ["id"]
    search_help_text = (
        "the id of the subscription or of its instance, a webhook-id, or a server: https://host"
    )
    asked_by = ["instance__id__exact", "organization__id__exact"]
    readonly_fields = [
        "instance",
        "organization",
        "channel",
        "topics",
        "address",
        "ordered",
        "active",
        "failing_since",
        "deactivated_at",
        "deactivation_reason",
        "created_at",
    ]
    fields = (*readonly_fields,)
    deeds = ("turn_on", "turn_on_and_send_queued")

    def sought(self, term: str) -> Q | None:
        if term.startswith("msg_"):
            sent = Delivery.objects.filter(webhook_id=term)
            return Q(pk__in=sent.values("subscription"))
        return by_number(term, "pk", "instance") or Q(origin=origin_of(term))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        secret = ("signature_key", "retired_keys", "headers")
        return super().get_queryset(request).defer(*secret)

    @admin.display(description="URL")
    def address(self, subscription: Subscription) -> str:
        """Without what authenticates us there."""
        return masked_url(subscription.url)


class AttemptInline(ReadOnlyInline[DeliveryAttempt, Delivery]):
    model = DeliveryAttempt
    ordering = ["number"]
    per_page = 20

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return attempt_fields(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return attempt_fields(request)


@admin.register(Delivery)
class DeliveryPage(ReadOnly, ActingPage[Delivery]):
    list_display = [
        "webhook_id",
        "event",
        "subscription",
        "status",
        "next_attempt_at",
        "attempts_made",
        "created_at",
    ]
    list_filter = ["status"]
    list_select_related = ["event", "subscription"]
    search_fields = ["webhook_id"]
    search_help_text = "a webhook-id, or the id of the delivery or of its event"
    asked_by = ["event__id__exact", "subscription__id__exact"]
    exclude = ["object_keys"]
    inlines = [AttemptInline]
    deeds = ("redeliver",)

    def sought(self, term: str) -> Q | None:
        return by_number(term, "pk", "event") or Q(webhook_id=term)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        large = ("event__body", "event__message")
        secret = ("signature_key", "retired_keys", "headers")
        return (
            super()
            .get_queryset(request)
            .select_related("event", "subscription")
            .defer(*large, *(f"subscription__{name}" for name in secret))
        )


@admin.register(DeliveryAttempt)
class AttemptPage(ReadOnlyPage[DeliveryAttempt]):
    list_display = ["started_at", "delivery", "number", "status_code", "duration_ms", "error"]
    list_select_related = ["delivery"]
    search_fields = ["delivery"]
    search_help_text = "a webhook-id, or the id of the delivery"
    asked_by = ["delivery__id__exact"]

    def sought(self, term: str) -> Q | None:
        sent = Delivery.objects.filter(webhook_id=term)
        return by_number(term, "delivery") or Q(delivery__in=sent)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return ["delivery", *attempt_fields(request)]


@admin.register(Endpoint)
class EndpointPage(ReadOnlyPage[Endpoint]):
    """Servers that do not answer well; those that do have no row."""

    list_display = ["origin", "organization", "failures", "probes", "open_until", "updated_at"]
    list_select_related = ["organization"]
    search_fields = ["origin"]
    search_help_text = "how the server's address begins: https://host"
    asked_by = ["organization__id__exact"]

    def sought(self, term: str) -> Q | None:
        return Q(origin__startswith=term.lower())


@admin.register(RefusedWebhook)
class RefusedWebhookPage(ReadOnlyPage[RefusedWebhook]):
    """What providers sent, proven, and nothing was made of. Bodies are payload."""

    list_display = ["id", "last_received_at", "instance", "times", "size", "reason"]
    list_select_related = ["instance"]
    search_fields = ["id"]
    search_help_text = "the id of the webhook or of its instance"
    asked_by = ["instance__id__exact"]

    def sought(self, term: str) -> Q | None:
        return by_number(term, "pk", "instance")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefusedWebhook]:
        return super().get_queryset(request).defer("body")

    @admin.display(description="headers")
    def shown_headers(self, row: RefusedWebhook) -> str:
        return pretty(row.headers)

    @admin.display(description="body")
    def shown_body(self, row: RefusedWebhook) -> str:
        return bytes(row.body).decode("utf-8", "replace")

    def get_readonly_fields(
        self, request: HttpRequest, obj: RefusedWebhook | None = None
    ) -> list[Any]:
        return self.get_fields(request, obj)

    def get_fields(self, request: HttpRequest, obj: RefusedWebhook | None = None) -> list[Any]:
        told = ["instance", "reason", "media_type", "size", "times", "created_at"]
        told.append("last_received_at")
        seen = request.user.has_perm(VIEW_PAYLOADS)
        return [*told, "shown_headers", "shown_body"] if seen else told


def attempt_fields(request: HttpRequest) -> list[Any]:
    """What is told of an attempt; what the receiver answered is payload."""
    told = ["number", "started_at", "duration_ms", "status_code", "error"]
    return [*told, "response_excerpt"] if request.user.has_perm(VIEW_PAYLOADS) else told
