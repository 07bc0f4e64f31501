"""Errands: what was asked for many rows, how far it is, and what it came to."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from administration import errands
from administration.deeds import DEEDS
from administration.models import Errand
from administration.page import ReadOnlyPage, by_number

LOOK_AGAIN = 3  # seconds


@admin.register(Errand)
class ErrandPage(ReadOnlyPage[Errand]):
    list_display = ["id", "what", "asked_by", "status", "progress", "changed", "unchanged"]
    list_display += ["failed", "created_at", "finished_at"]
    list_select_related = ["asked_by"]
    search_fields = ["id"]
    search_help_text = "the id of the errand"
    actions = ["cancel"]
    readonly_fields = [
        "what",
        "rows",
        "asked_by",
        "status",
        "error",
        "progress",
        "changed",
        "unchanged",
        "failed",
        "reasons",
        "created_at",
        "worked_at",
        "finished_at",
    ]
    fields = (*readonly_fields,)

    def sought(self, term: str) -> Q | None:
        return by_number(term, "pk")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Looks again by itself as long as the errand goes on."""
        answer = super().changeform_view(request, object_id, form_url, extra_context)
        shown = (getattr(answer, "context_data", None) or {}).get("original")
        if isinstance(shown, Errand) and shown.finished_at is None:
            answer["Refresh"] = str(LOOK_AGAIN)
        return answer

    @admin.action(description="Cancel: what is done stays done", permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Errand]) -> None:
        with transaction.atomic():
            ended = [one for one in queryset[:100] if errands.cancel(one.pk, timezone.now())]
            for errand in ended:
                self.log_change(request, errand, "Cancelled.")
        messages.success(request, f"{len(ended)} cancelled.")

    @admin.display(description="what")
    def what(self, errand: Errand) -> str:
        deed = DEEDS.get(errand.deed)
        return deed.label if deed else errand.deed

    @admin.display(description="to")
    def rows(self, errand: Errand) -> str:
        if errand.ids is not None:
            return f"{len(errand.ids)} selected rows"
        return f"all that the list shows for: {errand.query}" if errand.query else "all"

    @admin.display(description="progress")
    def progress(self, errand: Errand) -> str:
        if errand.total is None:
            return "-"
        return format_html(
            '<progress max="{}" value="{}" aria-label="progress"></progress> {} of {}',
            max(errand.total, 1),
            errand.done,
            f"{errand.done:,}",
            f"{errand.total:,}",
        )

    @admin.display(description="why some failed")
    def reasons(self, errand: Errand) -> str:
        if not errand.failures:
            return "-"
        deed = DEEDS.get(errand.deed)
        lines = [
            (_address(deed.model if deed else None, one["id"]), one["id"], one["reason"])
            for one in errand.failures
        ]
        listed = format_html_join("", '<li><a href="{}">{}</a>: {}</li>', lines)
        more = errand.failed - len(errand.failures)
        rest = f"and {more:,} more" if more > 0 else ""
        return format_html('<ul class="reasons">{}</ul>{}', listed, rest)


def _address(model: type[Model] | None, row_id: Any) -> str:
    if model is None:
        return "#"
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row_id])
