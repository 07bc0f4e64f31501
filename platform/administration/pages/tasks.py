"""django-q2's own pages, in the look of all others: what the worker's processes run, and when."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_q import admin as django_q
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin

from administration.page import ReadOnly

for model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(model):  # OrmQ is not where Redis is the broker
        admin.site.unregister(model)


class RanTask(ReadOnly):
    """What has run. django-q2 would let everybody who sees a task run it again."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_actions(request) if request.user.is_superuser else {}  # type: ignore[misc]


@admin.register(Schedule)
class SchedulePage(ModelAdmin, django_q.ScheduleAdmin):
    list_filter = ["schedule_type"]


@admin.register(Success)
class SuccessPage(RanTask, ModelAdmin, django_q.TaskAdmin):
    pass


@admin.register(Failure)
class FailurePage(RanTask, ModelAdmin, django_q.FailAdmin):
    pass


@admin.register(OrmQ)
class QueuePage(ReadOnly, ModelAdmin, django_q.QueueAdmin):
    pass
