"""The settings of tests: the product's, with a database of their own that needn't be durable."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["PERIODIC_ENV_FILE"] = os.devnull  # a developer's .env changes no test
os.environ.setdefault(
    "EMBEDDED_POSTGRES_DIR", str(Path(__file__).resolve().parent.parent / "var" / "test-postgres")
)
os.environ.setdefault("EMBEDDED_POSTGRES_FSYNC", "off")
os.environ.setdefault("LOG_LEVEL", "WARNING")
# No test waits for a minute to end: those of quotas set limits of their own.
os.environ.setdefault("GMAIL_UNITS_PER_USER_MINUTE", "10000000000")
os.environ.setdefault("GMAIL_UNITS_PER_PROJECT_MINUTE", "10000000000")
os.environ.setdefault("GMAIL_UNITS_PER_PROJECT_DAY", "10000000000")

from config.settings import *  # noqa: F403 - a settings module extends another this way
from config.settings import ALLOWED_HOSTS

ALLOWED_HOSTS += ["testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Their counts would outlive a test: those of throttles set limits of their own.
THROTTLE_USER = THROTTLE_ORGANIZATION = THROTTLE_ADDRESS = THROTTLE_REFUSALS = 0
THROTTLE_SIGN_INS = THROTTLE_INBOX = THROTTLE_UNSIGNED_WEBHOOKS = 0
# Tests store what was counted themselves.
COUNTERS_STORED_EVERY = 0
# Tests of e-mails to owners switch them on.
OWNER_EMAILS = False
