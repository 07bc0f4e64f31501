"""Every address of the platform. Each app lists its own below /elements/api-v2/."""

from __future__ import annotations

from django.contrib import admin
from django.http import Http404
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.defaults import page_not_found

from api.documentation import docs_page

handler400 = "api.errors.handler400"
handler403 = "api.errors.handler403"
handler404 = "api.errors.handler404"
handler500 = "api.errors.handler500"

# Those that are asked most come first; hubs last, which take what nobody else has taken.
API_APPS = (
    "instances",
    "events",
    "polling",
    "explanations",
    "api",
    "elements",
    "accounts",
    "bulk",
    "hubs",
)

urlpatterns: list[URLPattern | URLResolver] = [
    *(path("elements/api-v2/", include(f"{app}.urls")) for app in API_APPS),
    re_path(r"^elements/api-docs/?$", docs_page, name="api-docs"),
    path("admin/search/", page_not_found, {"exception": Http404()}),  # unfold's; no page has it
    path("admin/", admin.site.urls),
    path("", include("monitoring.urls")),
    path("", include("inbox.urls")),
    path("", include("console.urls")),
]
