"""Who calls: the Authorization header's secrets, checked.

Rule 1: every secret that is given is looked up and compared, whatever the others turn out to be,
so that neither answer nor time tells which one was wrong.
Rule 2: secrets are looked up by digest; what a secret itself is never meets a comparison.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from accounts.models import Account, Organization, User
from accounts.secret import digest
from api.authorization import MalformedAuthorization, Pairs, parse
from api.errors import CHALLENGE, UNAUTHORIZED
from api.rows import Columns, one, relate
from api.throttle import count_refusal

if TYPE_CHECKING:
    from instances.models import ElementInstance

ElementLookup = Callable[[str], "ElementInstance | None"]
USERS, OWNERS, ACCOUNTS, ORGANIZATIONS = (
    Columns(User, "u", without=("password", "last_login", "date_joined", "removed_at")),
    Columns(Organization, "own"),
    Columns(Account, "a"),
    Columns(Organization, "o"),
)
# One statement, so that it takes the same time whichever of the two is found.
CALLERS = f"""
SELECT {USERS.sql}, {OWNERS.sql}, {ACCOUNTS.sql}, {ORGANIZATIONS.sql}
  FROM (VALUES (1)) AS always
  LEFT JOIN accounts_user u ON u.secret_digest = %s
  LEFT JOIN accounts_organization own ON own.id = u.organization_id
  LEFT JOIN accounts_account a ON a.id = u.account_id
  LEFT JOIN accounts_organization o ON o.secret_digest = %s
"""  # noqa: S608 - names of columns
NO_DIGEST = "0" * 64  # compared with where no row was found


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `request.auth` of an authenticated request.

    `organization` is the user's own, whether or not the header brought its secret;
    `organization_proven` tells. `instance` is the Element pair's, of the same organization.
    """

    user: User
    organization: Organization
    instance: ElementInstance | None = None
    organization_proven: bool = False


def caller_of(request: Request) -> Caller:
    """Who calls; a 401 when nobody does. For views, whose `request.auth` has no useful type."""
    if not isinstance(request.auth, Caller):
        raise NotAuthenticated
    return request.auth


def _no_elements(token: str) -> ElementInstance | None:
    return None


_element_lookup: ElementLookup = _no_elements


def register_element_lookup(lookup: ElementLookup) -> None:
    """Says how an instance is found by its token (None when there is none)."""
    global _element_lookup
    _element_lookup = lookup


class HeaderAuthentication(BaseAuthentication):
    """Fails on any pair that is given and wrong.

    A request without a User pair, or with nothing beside it, stays anonymous.
    """

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        try:
            pairs = parse(request.META.get("HTTP_AUTHORIZATION", ""))
        except MalformedAuthorization as error:
            raise AuthenticationFailed(UNAUTHORIZED) from error
        try:
            return _checked(pairs)
        except AuthenticationFailed:
            count_refusal(request)
            raise

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _checked(pairs: Pairs) -> tuple[User, Caller] | None:
    user, organization = _callers(pairs.user, pairs.organization)
    instance = None if pairs.element is None else _element_lookup(pairs.element)
    valid = (
        (pairs.user is None or user is not None)
        and (pairs.organization is None or organization is not None)
        and (pairs.element is None or instance is not None)
    )
    owners = {
        owner
        for owner in (
            user.organization_id if user else None,
            organization.pk if organization else None,
            instance.organization_id if instance else None,
        )
        if owner is not None
    }
    if not valid or len(owners) > 1:
        raise AuthenticationFailed(UNAUTHORIZED)
    if user is None or user.organization is None or (organization is None and instance is None):
        return None
    return user, Caller(user, user.organization, instance, organization is not None)


def _callers(
    user_secret: str | None, organization_secret: str | None
) -> tuple[User | None, Organization | None]:
    """The user with organization and account, and the organization, that the secrets are of."""
    if user_secret is None and organization_secret is None:
        return None, None
    wanted = _digest(user_secret), _digest(organization_secret)
    rows = one(CALLERS, wanted, USERS, OWNERS, ACCOUNTS, ORGANIZATIONS)
    user, own, account, organization = rows or (None, None, None, None)
    if user is not None:
        relate(user, "organization", own)
        relate(user, "account", account)
    same_user = _same(user, wanted[0])
    same_organization = _same(organization, wanted[1])
    usable = user is not None and user.has_access and user.organization_id is not None
    return user if same_user and usable else None, organization if same_organization else None


def _digest(secret: str | None) -> str | None:
    return None if secret is None else digest(secret)


def _same(found: User | Organization | None, wanted: str | None) -> bool:
    stored = found.secret_digest if found is not None and found.secret_digest else NO_DIGEST
    return hmac.compare_digest(stored, wanted or "")
