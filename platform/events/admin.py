"""Events and deliveries in Django's admin: to look at, and to send again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from events.models import Delivery, DeliveryAttempt, Event, Subscription
from events.subscription import reactivate, send_queued


class ReadOnly:
    """Nothing here is written by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin[Event]):
    list_display = ["id", "created_at", "instance", "object_type", "topic", "status"]
    list_filter = ["status"]
    list_select_related = ["instance"]
    search_fields = ["=id", "=instance__id", "deliveries__webhook_id"]
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnly, admin.ModelAdmin[Subscription]):
    list_display = [
        "id",
        "instance",
        "topics",
        "url",
        "active",
        "failing_since",
        "deactivation_reason",
    ]
    list_filter = ["active", "channel"]
    list_select_related = ["instance"]
    search_fields = ["=instance__id", "url"]
    exclude = ["signature_key", "retired_keys", "headers"]
    readonly_fields = [
        "instance",
        "organization",
        "channel",
        "topics",
        "url",
        "origin",
        "active",
        "failing_since",
        "deactivated_at",
        "deactivation_reason",
        "created_at",
    ]
    actions = ["turn_on", "turn_on_and_send_queued"]

    @admin.action(description="Turn on again", permissions=["change"])
    def turn_on(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._turn_on(request, queryset, send=False)

    @admin.action(description="Turn on again and send what is queued", permissions=["change"])
    def turn_on_and_send_queued(
        self, request: HttpRequest, queryset: QuerySet[Subscription]
    ) -> None:
        self._turn_on(request, queryset, send=True)

    def _turn_on(
        self, request: HttpRequest, queryset: QuerySet[Subscription], *, send: bool
    ) -> None:
        for subscription in queryset:
            if not reactivate(subscription.pk):
                messages.error(request, f"The {subscription} has no callback URL.")
                continue
            sent = send_queued(subscription.pk, timezone.now()) if send else 0
            messages.success(
                request, f"The {subscription} is on; {sent} queued notifications are sent again."
            )


class AttemptsInline(ReadOnly, admin.TabularInline[DeliveryAttempt, Delivery]):
    model = DeliveryAttempt
    readonly_fields = [
        "number",
        "started_at",
        "duration_ms",
        "status_code",
        "error",
        "response_excerpt",
    ]
    ordering = ["number"]
    extra = 0


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin[Delivery]):
    list_display = ["webhook_id", "event", "status", "next_attempt_at", "attempts_made"]
    list_filter = ["status"]
    list_select_related = ["event"]
    search_fields = ["webhook_id", "=event__id"]
    show_full_result_count = False
    inlines = [AttemptsInline]

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False
