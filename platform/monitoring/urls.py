from __future__ import annotations

from django.urls import path

from monitoring import views

urlpatterns = [
    path("health/live", views.live),
    path("health/ready", views.ready),
    path("health/work", views.work),
    path("metrics", views.figures),
]
