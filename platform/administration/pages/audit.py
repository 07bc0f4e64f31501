"""Who did what, in all organizations: to look at. Nobody changes an entry, the database refuses."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from administration.page import ReadOnlyPage, by_number, pretty
from audit.models import AuditEntry

SHOWN = (
    "id",
    "at",
    "organization_id",
    "user_id",
    "done",
    "subject_kind",
    "subject_id",
    "subject_name",
    "source",
    "address",
)


@admin.register(AuditEntry)
class EntryPage(ReadOnlyPage[AuditEntry]):
    list_display = SHOWN
    search_fields = ["organization_id"]
    search_help_text = "the id of the organization or of the instance"
    fields = (*SHOWN, "what_changed", "account_id", "instance_id", "request_id")
    readonly_fields = fields

    @admin.display(description="changes")
    def what_changed(self, entry: AuditEntry) -> str:
        return pretty(entry.changes)

    def sought(self, term: str) -> Q | None:
        return by_number(term, "organization_id", "instance_id")
