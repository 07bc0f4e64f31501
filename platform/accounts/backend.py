"""Who may sign in to the pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User


class AccessBackend(ModelBackend):
    """Signs in by address and password; asked for each page, it also ends running sessions."""

    def user_can_authenticate(self, user: Any) -> bool:
        return isinstance(user, User) and user.has_access
