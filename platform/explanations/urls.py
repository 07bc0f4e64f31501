"""Addresses below /elements/api-v2/."""

from __future__ import annotations

from django.urls import re_path

from explanations.api import ExplanationView

urlpatterns = [
    re_path(r"^instances/events/explanation/?$", ExplanationView.as_view()),
    re_path(r"^instances/(?P<instance_id>[0-9]+)/events/explanation/?$", ExplanationView.as_view()),
]
