"""What has been drawn of providers' quotas, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from administration.page import ReadOnlyPage
from quota.models import QuotaBucket


@admin.register(QuotaBucket)
class BucketPage(ReadOnlyPage[QuotaBucket]):
    list_display = [
        "subject",
        "minute",
        "drawn",
        "late",
        "seats",
        "day",
        "day_drawn",
        "called",
        "closed_until",
    ]
    ordering = ["pk"]
    search_fields = ["subject"]
    search_help_text = "how the subject begins"

    def sought(self, term: str) -> Q | None:
        return Q(subject__startswith=term)
