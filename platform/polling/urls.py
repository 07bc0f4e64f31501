"""Addresses below /elements/api-v2/."""

from __future__ import annotations

from django.urls import re_path

from polling.api import PollerRecordsView, PollsView, ReconcileView, UnitsView

urlpatterns = [
    re_path(r"^instances/event-poller-records/?$", PollerRecordsView.as_view()),
    re_path(r"^instances/(?P<instance_id>[0-9]{1,18})/polls/?$", PollsView.as_view(), name="polls"),
    re_path(r"^instances/(?P<instance_id>[0-9]{1,18})/reconcile/?$", ReconcileView.as_view()),
    re_path(r"^instances/(?P<instance_id>[0-9]{1,18})/usage/units/?$", UnitsView.as_view()),
]
