"""The document of all addresses below /elements/api-v2/."""

from __future__ import annotations

from django.urls import re_path

from api.documentation import OpenAPIView

urlpatterns = [re_path(r"^openapi\.json/?$", OpenAPIView.as_view(), name="openapi")]
