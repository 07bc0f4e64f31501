"""Addresses below /elements/api-v2/."""

from __future__ import annotations

from django.urls import re_path

from polling.api import PollsView

urlpatterns = [
    re_path(r"^instances/(?P<instance_id>[0-9]{1,19})/polls/?$", PollsView.as_view(), name="polls"),
]
