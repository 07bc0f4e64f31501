"""What an operator sees of watches. Nothing is edited here: they follow the instance."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from watching.models import InstanceWatch


@admin.register(InstanceWatch)
class InstanceWatchAdmin(admin.ModelAdmin[InstanceWatch]):
    list_display = (
        "instance", "wanted", "suspended", "started_at", "expires_at", "due_at", "last_heard_at",
        "unannounced", "failures", "error",
    )  # fmt: skip
    list_filter = ("wanted", "suspended")
    list_select_related = ("instance",)
    search_fields = ("=instance__id", "instance__name")
    exclude = ("secret",)
    show_full_result_count = False  # counting a million rows takes long

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
