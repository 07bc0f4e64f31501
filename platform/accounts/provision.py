"""Makes organizations, accounts and users, and gives out new secrets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import address_verification, secret
from accounts.models import Account, Organization, RoleGrant, User
from accounts.roles import OF_A_FIRST_USER, Role

LONGEST_NAME = 200  # characters
LONGEST_PERSONAL_NAME = 150  # characters of a first or a last name
LONGEST_PASSWORD = 1000  # characters; each sign-in hashes it
LONGEST_ADDRESS = 254  # characters, RFC 5321 section 4.5.3.1.3 less its angle brackets


class AccountError(ValueError):
    """A field that cannot be used. The message begins with the field's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class AddressTaken(AccountError):
    """The e-mail address is a user's of the organization already, or somebody's verified one."""

    def __init__(self, address: str) -> None:
        super().__init__("email", f"{address} is already a user's address")


class ExternalIdTaken(AccountError):
    """Another active account of the organization has the external id."""

    def __init__(self, external_id: str) -> None:
        super().__init__("externalId", f"another active account has {external_id}")


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user, with the secret that is shown this once."""

    user: User
    secret: str


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
    name = checked_name(name)
    address = checked_address(email)
    if User.objects.filter(username=address, address_verified_at__isnull=False).exists():
        raise AddressTaken(address)
    user = User(
        username=address,
        address_verified_at=timezone.now(),  # the operator vouches for it
        is_staff=superuser,
        is_superuser=superuser,
    )
    set_password(user, password)
    organization_secret = secret.new_organization_secret()
    with transaction.atomic():
        organization = Organization.objects.create(
            name=name,
            secret_digest=secret.digest(organization_secret),
            secret_hint=secret.hint(organization_secret),
        )
        user.organization = organization
        made = _with_secret(user, OF_A_FIRST_USER)
    return NewOrganization(organization, user, organization_secret, made.secret)


def create_user(
    account: Account,
    email: str,
    *,
    first_name: str = "",
    last_name: str = "",
    password: str | None = None,
    checks_password: bool = True,
    roles: Iterable[Role] = (),
) -> NewUser:
    """A user of an account. Raises AccountError naming the field, AddressTaken among them.

    Without a password the user can call the API, and cannot sign in to the pages.
    """
    user = User(
        username=_free_address(email, account.organization),
        first_name=checked_personal_name("firstName", first_name),
        last_name=checked_personal_name("lastName", last_name),
        organization=account.organization,
        account=account,
    )
    set_password(user, password, check=checks_password)
    with transaction.atomic():
        made = _with_secret(user, roles)
        address_verification.ask(user)
    return made


def move_to_address(user: User, email: str) -> None:
    """Give a user an e-mail address, without saving. Another than before is not verified.

    The mail with the link to verify it goes out with the transaction. Raises AccountError,
    AddressTaken.
    """
    address = checked_address(email)
    if user.username != address:
        _require_free(address, user.organization, but=user)
        user.username = user.email = address
        user.address_verified_at = None
    address_verification.ask(user)


def save_user(user: User) -> None:
    """Raises AddressTaken when somebody was quicker."""
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise AddressTaken(user.username) from error


def save_account(account: Account) -> None:
    """Raises ExternalIdTaken."""
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        raise ExternalIdTaken(account.external_id) from error


def rotate_organization_secret(organization: Organization) -> str:
    """Gives the organization a new secret; the old one ends at once."""
    new = secret.new_organization_secret()
    organization.secret_digest = secret.digest(new)
    organization.secret_hint = secret.hint(new)
    with transaction.atomic():
        organization.save(update_fields=["secret_digest", "secret_hint"])
    return new


def rotate_user_secret(user: User) -> str:
    """Gives the user a new secret; the old one ends at once."""
    new = secret.new_user_secret()
    user.secret_digest = secret.digest(new)
    user.secret_hint = secret.hint(new)
    with transaction.atomic():
        user.save(update_fields=["secret_digest", "secret_hint"])
    return new


def checked_name(name: str, field: str = "name") -> str:
    """The name as it is stored. Raises AccountError."""
    name = name.strip()
    if not name:
        raise AccountError(field, "is empty: give a name")
    return _printable(field, name, LONGEST_NAME)


def checked_personal_name(field: str, name: str) -> str:
    """A first or last name, which may be empty. Raises AccountError."""
    return _printable(field, name.strip(), LONGEST_PERSONAL_NAME)


def checked_address(email: str) -> str:
    """The e-mail address as it is stored, taken or not. Raises AccountError."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise AccountError("email", "is not an e-mail address, such as user@example.com") from error
    if len(address) > LONGEST_ADDRESS:
        raise AccountError("email", f"is longer than the {LONGEST_ADDRESS} characters allowed")
    return address


def set_password(user: User, password: str | None, *, check: bool = True) -> None:
    """Sets it without saving. Without one nobody signs in. Raises AccountError with every fault."""
    if password is None:
        user.set_unusable_password()
        return
    if len(password) > LONGEST_PASSWORD:
        raise AccountError(
            "password", f"has {len(password)} characters; {LONGEST_PASSWORD} are allowed"
        )
    if check:
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise AccountError("password", " ".join(error.messages)) from error
    user.set_password(password)


def _with_secret(user: User, roles: Iterable[Role]) -> NewUser:
    """Saves a new user with a new secret. Raises AddressTaken when somebody was quicker."""
    new = secret.new_user_secret()
    user.secret_digest = secret.digest(new)
    user.secret_hint = secret.hint(new)
    save_user(user)
    for role in roles:
        RoleGrant.objects.create(user=user, key=role.key)
    return NewUser(user, new)


def _free_address(email: str, organization: Organization) -> str:
    address = checked_address(email)
    _require_free(address, organization)
    return address


def _require_free(address: str, organization: Organization | None, but: User | None = None) -> None:
    """What users other organizations have, nobody learns here."""
    alike = User.objects.filter(username=address, organization=organization)
    if (alike if but is None else alike.exclude(pk=but.pk)).exists():
        raise AddressTaken(address)


def _printable(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise AccountError(field, f"has {len(text)} characters; {longest} are allowed")
    if not text.isprintable():
        raise AccountError(field, "contains control characters")
    return text
