"""Addresses of events, below /elements/api-v2/."""

from __future__ import annotations

from django.urls import re_path

from events import api

INSTANCE = r"^instances/(?P<instance_id>[0-9]+)/events"
ANY = r"^instances/events"
EVENT = r"/(?P<event_id>[0-9]+)"

urlpatterns = [
    re_path(rf"{ANY}/?$", api.EventsView.as_view()),
    re_path(rf"{INSTANCE}/?$", api.EventsView.as_view()),
    re_path(rf"{ANY}/analytics/?$", api.AnalyticsView.as_view()),
    re_path(rf"{ANY}/analytics/instances/?$", api.InstanceAnalyticsView.as_view()),
    re_path(rf"{ANY}/analytics/accounts/?$", api.AccountAnalyticsView.as_view()),
    re_path(rf"{ANY}/dispositions/?$", api.DispositionsView.as_view()),
    re_path(rf"{ANY}{EVENT}/?$", api.EventView.as_view()),
    re_path(rf"{INSTANCE}{EVENT}/?$", api.EventView.as_view()),
    re_path(rf"{ANY}{EVENT}/deliveries/?$", api.DeliveriesView.as_view()),
    re_path(rf"{INSTANCE}{EVENT}/deliveries/?$", api.DeliveriesView.as_view()),
]
