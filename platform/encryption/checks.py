"""What `manage.py check` says about secrets that everybody knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from encryption.keys import DEVELOPMENT_KEY, HOW_TO_MAKE_ONE

DEVELOPMENT_SECRET_KEY_START = "development-only"  # noqa: S105 - the published one


def published_secrets() -> list[str]:
    """One sentence for each setting that still holds a development default."""
    faults = []
    if DEVELOPMENT_KEY in settings.PERIODIC_ENCRYPTION_KEYS:
        faults.append(
            "PERIODIC_ENCRYPTION_KEYS holds the development key, which is published with the "
            f"source code. {HOW_TO_MAKE_ONE}"
        )
    if settings.SECRET_KEY.startswith(DEVELOPMENT_SECRET_KEY_START):
        faults.append(
            "SECRET_KEY is the development value, which is published with the source code. Make "
            "one with: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    return faults


@register(Tags.security)
def check_published_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Errors in production only: in development the defaults are what makes it start."""
    if not settings.PRODUCTION:
        return []
    return [Error(fault, id="encryption.E001") for fault in published_secrets()]
