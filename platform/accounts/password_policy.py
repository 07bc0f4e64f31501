"""What a password must have beside what Django's own validators ask (AUTH_PASSWORD_VALIDATORS)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError

from accounts.models import User


class PersonValidator(UserAttributeSimilarityValidator):
    """Refuses a password that resembles the username (the e-mail address) or a name."""

    def validate(self, password: str, user: Any = None) -> None:
        try:
            super().validate(password, user)
        except ValidationError as error:
            address = User._meta.get_field("username").verbose_name
            raise ValidationError(
                [
                    message.replace(f"the {address}.", f"the username, the {address}.")
                    for message in error.messages
                ],
                code=error.code,
            ) from error


class CharacterValidator:
    """Wants so many characters of each kind."""

    def __init__(
        self, uppercase: int = 0, lowercase: int = 0, numeric: int = 0, special: int = 0
    ) -> None:
        self.wanted = {
            "uppercase": uppercase,
            "lowercase": lowercase,
            "numeric": numeric,
            "special": special,
        }

    def validate(self, password: str, user: Any = None) -> None:
        found = {
            "uppercase": sum(letter.isupper() for letter in password),
            "lowercase": sum(letter.islower() for letter in password),
            "numeric": sum(letter.isdigit() for letter in password),
            "special": sum(not letter.isalnum() for letter in password),
        }
        missing = [kind for kind, least in self.wanted.items() if found[kind] < least]
        if missing:
            raise ValidationError(
                [
                    f"This password must contain {_at_least(kind, self.wanted[kind])}."
                    for kind in missing
                ],
                code="password_lacks_characters",
            )

    def get_help_text(self) -> str:
        wanted = [_at_least(kind, least) for kind, least in self.wanted.items() if least]
        return f"Your password must contain {', '.join(wanted)}." if wanted else ""


def _at_least(kind: str, number: int) -> str:
    return f"at least {number} {kind} character{'' if number == 1 else 's'}"
