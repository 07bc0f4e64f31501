"""Who may sign in to the pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.reach import read_along


class AccessBackend(ModelBackend):
    """Signs in by address and password; asked for each page, it also ends running sessions.

    An address that nobody has verified may be that of users of several organizations: the password
    says which of them is meant.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        users = list(User.objects.of_address(username))
        if not users:
            User().set_password(password)  # takes as long as for one who is there
        proven = [user for user in users if user.check_password(password)]
        return next(filter(self.user_can_authenticate, proven), None)

    def get_user(self, user_id: int) -> User | None:
        user = read_along(User.objects.filter(pk=user_id)).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: Any) -> bool:
        return isinstance(user, User) and user.has_access
