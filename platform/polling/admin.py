"""What an operator sees of polling. Nothing is edited here: polling follows the instance."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from polling.models import PollingResource, PollRun, PutAsideObject


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    show_full_result_count = False  # counting a million rows takes long

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConditionFilter(admin.SimpleListFilter):
    title = "condition"
    parameter_name = "condition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("overdue", "overdue"),
            ("failing", "failing"),
            ("put-aside", "has put-aside objects"),
            ("new", "not started yet"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PollingResource]
    ) -> QuerySet[PollingResource]:
        if self.value() == "overdue":
            return queryset.filter(active=True, next_poll_at__lt=timezone.now())
        if self.value() == "failing":
            return queryset.filter(failures__gt=0)
        if self.value() == "put-aside":
            return queryset.filter(put_aside_due_at__isnull=False)
        if self.value() == "new":
            return queryset.filter(active=True, cursor__isnull=True)
        return queryset


@admin.register(PollingResource)
class PollingResourceAdmin(ReadOnlyAdmin):
    list_display = (
        "name", "instance", "organization", "active", "next_poll_at", "lease_until",
        "last_success_at", "failures", "error", "put_aside_due_at",
    )  # fmt: skip
    list_filter = ("active", ConditionFilter)
    list_select_related = ("instance", "organization")
    search_fields = ("=instance__id", "instance__name")


@admin.register(PutAsideObject)
class PutAsideObjectAdmin(ReadOnlyAdmin):
    list_display = ("object_id", "resource", "change_type", "attempts", "next_try_at", "error")
    list_select_related = ("resource",)
    search_fields = ("=object_id", "=resource__instance__id")


@admin.register(PollRun)
class PollRunAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at", "resource", "outcome", "found", "missing", "put_aside", "gap_seconds",
        "error",
    )  # fmt: skip
    list_filter = ("outcome",)
    list_select_related = ("resource",)
    search_fields = ("=resource__instance__id",)
