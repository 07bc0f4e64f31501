"""Production does not run on the secrets that are published with the source code."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from encryption.keys import DEVELOPMENT_KEY


def findings() -> list[str]:
    return [each.msg for each in run_checks(tags=["security"]) if each.id == "encryption.E001"]


def test_development_starts_with_them(settings: Settings) -> None:
    settings.PRODUCTION = False
    assert findings() == []
    apps.get_app_config("encryption").ready()


def test_production_refuses_each_by_name(settings: Settings) -> None:
    settings.PRODUCTION = True
    settings.PERIODIC_ENCRYPTION_KEYS = [DEVELOPMENT_KEY]
    settings.SECRET_KEY = "development-only-never-in-production"
    said = findings()
    assert [finding.split()[0] for finding in said] == ["PERIODIC_ENCRYPTION_KEYS", "SECRET_KEY"]
    with pytest.raises(ImproperlyConfigured, match=r"PERIODIC_ENCRYPTION_KEYS .* SECRET_KEY"):
        apps.get_app_config("encryption").ready()


def test_production_accepts_secrets_of_its_own(settings: Settings, new_key: str) -> None:
    settings.PRODUCTION = True
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key]
    settings.SECRET_KEY = "of-its-own" * 5
    assert findings() == []
    apps.get_app_config("encryption").ready()


def test_unusable_keys_stop_the_start_everywhere(settings: Settings) -> None:
    settings.PERIODIC_ENCRYPTION_KEYS = ["nonsense"]
    with pytest.raises(ImproperlyConfigured, match="PERIODIC_ENCRYPTION_KEYS"):
        apps.get_app_config("encryption").ready()
