"""Makes organizations with their first user, and gives out new secrets."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import secret
from accounts.models import Organization, User

LONGEST_NAME = 200  # characters
LONGEST_ADDRESS = 254  # characters, RFC 5321 section 4.5.3.1.3 less its angle brackets


class AccountError(ValueError):
    """A field that cannot be used. The message begins with the field's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """An organization and its first user, with the secrets that are shown this once."""

    organization: Organization
    user: User
    organization_secret: str
    user_secret: str


def create_organization(
    name: str, email: str, password: str | None = None, *, superuser: bool = False
) -> NewOrganization:
    """An organization and its first user. Raises AccountError naming name, email or password.

    Without a password the user can call the API, and cannot sign in to the pages. A superuser
    administers the whole installation.
    """
    name = _checked_name(name)
    user = User(username=_checked_address(email), is_staff=superuser, is_superuser=superuser)
    _set_password(user, password)
    organization_secret = secret.new_organization_secret()
    user_secret = secret.new_user_secret()
    try:
        with transaction.atomic():
            user.organization = Organization.objects.create(
                name=name,
                secret_digest=secret.digest(organization_secret),
                secret_hint=secret.hint(organization_secret),
            )
            user.secret_digest = secret.digest(user_secret)
            user.secret_hint = secret.hint(user_secret)
            user.save()
    except IntegrityError as error:
        raise _taken(user.username) from error
    return NewOrganization(user.organization, user, organization_secret, user_secret)


def rotate_organization_secret(organization: Organization) -> str:
    """Gives the organization a new secret; the old one ends at once."""
    new = secret.new_organization_secret()
    organization.secret_digest = secret.digest(new)
    organization.secret_hint = secret.hint(new)
    organization.save(update_fields=["secret_digest", "secret_hint"])
    return new


def rotate_user_secret(user: User) -> str:
    """Gives the user a new secret; the old one ends at once."""
    new = secret.new_user_secret()
    user.secret_digest = secret.digest(new)
    user.secret_hint = secret.hint(new)
    user.save(update_fields=["secret_digest", "secret_hint"])
    return new


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise AccountError("name", "is empty: give the organization a name")
    if len(name) > LONGEST_NAME:
        raise AccountError("name", f"has {len(name)} characters; {LONGEST_NAME} are allowed")
    if not name.isprintable():
        raise AccountError("name", "contains control characters")
    return name


def _checked_address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise AccountError("email", "is not an e-mail address, such as user@example.com") from error
    if len(address) > LONGEST_ADDRESS:
        raise AccountError("email", f"is longer than the {LONGEST_ADDRESS} characters allowed")
    if User.objects.filter(username=address).exists():
        raise _taken(address)
    return address


def _taken(address: str) -> AccountError:
    return AccountError("email", f"{address} is already a user's address")


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise AccountError("password", " ".join(error.messages)) from error
    user.set_password(password)
