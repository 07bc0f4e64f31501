"""Watches at providers. Nothing is edited here: they follow the instance."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from administration.page import ReadOnlyPage, by_number
from watching.models import InstanceWatch


@admin.register(InstanceWatch)
class WatchPage(ReadOnlyPage[InstanceWatch]):
    list_display = [
        "instance",
        "wanted",
        "suspended",
        "started_at",
        "expires_at",
        "due_at",
        "last_heard_at",
        "unannounced",
        "failures",
        "error",
    ]
    list_filter = ["wanted", "suspended"]
    list_select_related = ["instance"]
    search_fields = ["instance"]
    search_help_text = "the id of the instance"
    exclude = ["secret", "state"]

    def sought(self, term: str) -> Q | None:
        return by_number(term, "instance")
