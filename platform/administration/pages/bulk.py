"""Bulk jobs, to look at: what they read and how far they are. Their records are payload."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from administration.page import ReadOnlyPage, by_number
from bulk.models import BulkJob


@admin.register(BulkJob)
class BulkJobPage(ReadOnlyPage[BulkJob]):
    list_display = [
        "id",
        "instance",
        "resource",
        "status",
        "objects_count",
        "records_count",
        "failed_count",
        "created_at",
        "finished_at",
        "error",
    ]
    list_filter = ["status"]
    list_select_related = ["instance"]
    search_fields = ["id"]
    search_help_text = "the id of the job or of its instance"
    asked_by = ["instance__id__exact"]
    fields = [
        "organization",
        "instance",
        "resource",
        "query",
        "status",
        "error",
        "objects_count",
        "records_count",
        "failed_count",
        "stored_bytes",
        "restarts",
        "failures",
        "next_run_at",
        "lease_until",
        "created_at",
        "started_at",
        "finished_at",
    ]

    def sought(self, term: str) -> Q | None:
        return by_number(term, "pk", "instance")
