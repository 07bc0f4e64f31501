"""django-q2's own pages, in the look of all others: what the worker's processes run, and when.

What a task is given and what it answers may be anything, an address that somebody typed as well:
superusers alone see it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django_q import admin as django_q
from django_q.models import Failure, OrmQ, Schedule, Success

from administration.page import Page, ReadOnly, by_number

for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):  # OrmQ is not where Redis is the broker
        admin.site.unregister(model)

PRIVATE = {"args", "kwargs", "q_options", "result", "short_result"}


class OfWorker(Page[Any]):
    """Without what is private, for all but superusers."""

    list_filter: ClassVar[Any] = []  # django-q2's read the whole table for their choices

    def get_list_display(self, request: HttpRequest) -> Any:
        return _shown(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return _shown(request, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return _shown(request, super().get_readonly_fields(request, obj))


class RanTask(ReadOnly, OfWorker):
    """What has run. django-q2 would let everybody who sees a task run it again."""

    ordering = ["-stopped"]  # ids are random
    search_fields = ["id"]
    search_help_text = "the id of the task"

    def sought(self, term: str) -> Q | None:
        return Q(pk=term)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) if request.user.is_superuser else {}


@admin.register(Schedule)
class SchedulePage(OfWorker, django_q.ScheduleAdmin):
    list_filter = ["schedule_type"]
    search_fields = ["id"]
    search_help_text = "the id, the name or the function of the schedule"

    def sought(self, term: str) -> Q | None:
        return (by_number(term, "pk") or Q()) | Q(name=term) | Q(func=term)


@admin.register(Success)
class SuccessPage(RanTask, django_q.TaskAdmin):
    pass


@admin.register(Failure)
class FailurePage(RanTask, django_q.FailAdmin):
    pass


@admin.register(OrmQ)
class QueuePage(ReadOnly, OfWorker, django_q.QueueAdmin):
    pass


def _shown(request: HttpRequest, names: Any) -> Any:
    if request.user.is_superuser:
        return names
    return [name for name in names if name not in PRIVATE]
