"""A new user is made, in a process that may be killed at any statement of it."""

from __future__ import annotations

from django.conf import settings

from accounts.models import Account
from accounts.provision import create_user

ADDRESS = "killed@example.com"


def join() -> None:
    settings.EMAIL_ENABLED = True
    create_user(Account.objects.get(), ADDRESS)
