"""What an operator sees of polling. Nothing is edited here: polling follows the instance."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from administration.page import ReadOnlyInline, ReadOnlyPage, by_number, pretty
from instances.models import ElementInstance
from polling import overdue
from polling.models import PollingResource, PollOutcome, PollRun, PutAsideObject

NOTABLE = (PollOutcome.FAILED, PollOutcome.RECOVERED)


class ConditionFilter(admin.SimpleListFilter):
    title = "condition"
    parameter_name = "condition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("overdue", "overdue"),
            ("failing", "failing"),
            ("put-aside", "has put-aside objects"),
            ("new", "not started yet"),
            ("off", "not polled"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PollingResource]
    ) -> QuerySet[PollingResource]:
        match self.value():
            case "overdue":
                return queryset.filter(pk__in=overdue.ids(timezone.now()))
            case "failing":
                return queryset.filter(failures__gt=0)
            case "put-aside":
                return queryset.filter(put_aside_due_at__isnull=False)
            case "new":
                return queryset.filter(active=True, cursor__isnull=True)
            case "off":
                return queryset.filter(active=False)
        return queryset


class OutcomeFilter(admin.SimpleListFilter):
    """Those that are rare enough to look for."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (str(one.value), str(one.label)) for one in (PollOutcome.FAILED, PollOutcome.RECOVERED)
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PollRun]) -> QuerySet[PollRun]:
        if self.value() in NOTABLE:
            return queryset.filter(outcome=self.value())
        return queryset


class PutAsideInline(ReadOnlyInline[PutAsideObject, PollingResource]):
    model = PutAsideObject
    readonly_fields = ["object_id", "change_type", "attempts", "next_try_at", "error"]
    fields = (*readonly_fields,)
    ordering = ["pk"]
    per_page = 20


@admin.register(PollingResource)
class PollingResourcePage(ReadOnlyPage[PollingResource]):
    list_display = [
        "name",
        "instance",
        "organization",
        "active",
        "next_poll_at",
        "lease_until",
        "last_success_at",
        "failures",
        "error",
        "put_aside_due_at",
        "cursor",
    ]
    list_filter = [ConditionFilter]
    list_select_related = ["instance", "organization"]
    search_fields = ["instance"]
    search_help_text = "the id of the resource or its instance, or how the instance's name begins"
    asked_by = ["instance__id__exact", "organization__id__exact"]
    inlines = [PutAsideInline]
    readonly_fields = [
        "name",
        "instance",
        "organization",
        "enabled",
        "active",
        "interval",
        "next_poll_at",
        "lease_until",
        "lease_id",
        "cursor",
        "watched_since",
        "last_polled_at",
        "last_success_at",
        "failures",
        "error",
        "note",
        "put_aside_due_at",
        "units_awaited_until",
        "units_today",
        "entry",
    ]
    fields = (*readonly_fields,)

    @admin.display(description="configuration")
    def entry(self, resource: PollingResource) -> str:
        return pretty(resource.configuration)

    def sought(self, term: str) -> Q | None:
        named = ElementInstance.objects.filter(name__istartswith=term)
        return by_number(term, "pk", "instance") or Q(instance__in=named)


@admin.register(PutAsideObject)
class PutAsideObjectPage(ReadOnlyPage[PutAsideObject]):
    list_display = ["object_id", "resource", "change_type", "attempts", "next_try_at", "error"]
    list_select_related = ["resource"]
    search_fields = ["resource"]
    search_help_text = "the id of the instance"
    asked_by = ["resource__id__exact"]

    def sought(self, term: str) -> Q | None:
        of_instance = by_number(term, "instance")
        if of_instance is None:
            return None
        return Q(resource__in=PollingResource.objects.filter(of_instance))


@admin.register(PollRun)
class PollRunPage(ReadOnlyPage[PollRun]):
    list_display = [
        "started_at",
        "resource",
        "outcome",
        "found",
        "missing",
        "put_aside",
        "gap_seconds",
        "error",
    ]
    list_filter = [OutcomeFilter]
    list_select_related = ["resource"]
    search_fields = ["resource"]
    search_help_text = "the id of the instance"
    asked_by = ["resource__id__exact"]
    readonly_fields = [
        "resource",
        "started_at",
        "finished_at",
        "outcome",
        "found",
        "missing",
        "put_aside",
        "gap_seconds",
        "units",
        "cursor_before",
        "cursor_after",
        "error",
        "not_told",
    ]
    fields = (*readonly_fields,)

    @admin.display(description="noticed and not told")
    def not_told(self, run: PollRun) -> str:
        return pretty(run.untold)

    def sought(self, term: str) -> Q | None:
        of_instance = by_number(term, "instance")
        if of_instance is None:
            return None
        return Q(resource__in=PollingResource.objects.filter(of_instance))
