"""Addresses of the pages that others are told."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse


def callback_url() -> str:
    """The redirect URI to register at the provider."""
    return f"{settings.PUBLIC_URL}{reverse('console:oauth-callback')}"
