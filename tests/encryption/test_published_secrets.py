"""Production does not start with what lets strangers in, and says all of it at once."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from config import production

ROOT = Path(__file__).resolve().parent.parent.parent
SAFE: dict[str, Any] = {
    "secret_key": secrets.token_urlsafe(50),
    "encryption_keys": [base64.b64encode(os.urandom(32)).decode()],
    "debug": False,
    "allowed_hosts": ["periodic.example.com", ".example.org"],
    "private_networks": ["10.1.0.0/16", "127.0.0.1/32", "::1/128", "fd00::/8", ""],
    "sandboxes": {},
}


def test_secrets_of_its_own_are_let_through() -> None:
    assert production.faults(**SAFE) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"secret_key": "x"}, "SECRET_KEY can be guessed"),
        ({"secret_key": "s" * 80}, "SECRET_KEY can be guessed"),
        ({"secret_key": "development-only-never-in-production"}, "SECRET_KEY is the development"),
        ({"secret_key": "django-insecure-" + "abcdefghij" * 5}, "SECRET_KEY is the development"),
        ({"encryption_keys": [production.PUBLISHED_ENCRYPTION_KEY]}, "key 1 is the development"),
        ({"encryption_keys": [base64.b64encode(bytes(32)).decode()]}, "key 1 can be guessed"),
        ({"encryption_keys": [*SAFE["encryption_keys"], "eA=="]}, "key 2 is not 32 bytes"),
        ({"encryption_keys": ["%"]}, "key 1 is not 32 bytes"),
        ({"debug": True}, "DEBUG is true"),
        ({"allowed_hosts": ["a.example", "*"]}, "ALLOWED_HOSTS holds *"),
        ({"private_networks": ["0.0.0.0/0"]}, "0.0.0.0/0 holds addresses that are not private"),
        ({"private_networks": ["::/0"]}, "::/0 holds addresses"),
        ({"private_networks": ["10.0.0.0/7"]}, "10.0.0.0/7 holds addresses"),
        ({"private_networks": ["8.8.8.8"]}, "8.8.8.8 holds addresses"),
        ({"private_networks": ["10.0.0.0/33"]}, "10.0.0.0/33 is not a network"),
        ({"sandboxes": {"gmail": "http://127.0.0.1:8025"}}, "SANDBOXES offers accounts"),
    ],
)
def test_what_lets_strangers_in_is_refused(changed: dict[str, Any], said: str) -> None:
    [fault] = production.faults(**{**SAFE, **changed})
    assert said in fault
    assert "such as" in fault or "Make one with" in fault or "set " in fault  # what is right


def manage(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={"PERIODIC_ENV": "production", "PERIODIC_ENV_FILE": os.devnull, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_production_says_everything_at_once() -> None:
    done = manage(
        "check", SECRET_KEY="x", PERIODIC_ENCRYPTION_KEYS=base64.b64encode(bytes(32)).decode(),
        DEBUG="true", ALLOWED_HOSTS="*", ALLOWED_PRIVATE_NETWORKS="0.0.0.0/0,::/0",
    )  # fmt: skip
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("- ")]
    assert [line.split()[1].rstrip(":") for line in told] == [
        "PUBLIC_URL",
        "SECRET_KEY",
        "PERIODIC_ENCRYPTION_KEYS",
        "DEBUG",
        "ALLOWED_HOSTS",
        "ALLOWED_PRIVATE_NETWORKS",
        "ALLOWED_PRIVATE_NETWORKS",
    ]


def test_djangos_own_checks_of_a_deployment_find_nothing() -> None:
    done = manage(
        "check", "--deploy", "--fail-level", "WARNING",
        SECRET_KEY=SAFE["secret_key"], PERIODIC_ENCRYPTION_KEYS=SAFE["encryption_keys"][0],
        ALLOWED_HOSTS="periodic.example.com", PUBLIC_URL="https://periodic.example.com",
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/nowhere",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_unusable_keys_stop_the_start_everywhere(settings: Settings) -> None:
    settings.PERIODIC_ENCRYPTION_KEYS = ["nonsense"]
    with pytest.raises(ImproperlyConfigured, match="PERIODIC_ENCRYPTION_KEYS"):
        apps.get_app_config("encryption").ready()
