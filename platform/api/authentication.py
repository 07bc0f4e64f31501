"""Who calls: the Authorization header's secrets, checked.

Rule 1: every secret that is given is looked up and compared, whatever the others turn out to be,
so that neither answer nor time tells which one was wrong.
Rule 2: secrets are looked up by digest; what a secret itself is never meets a comparison.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from accounts.models import Account, Organization, RoleGrant, User
from accounts.reach import Reach, reach_with
from accounts.roles import ORG_ADMIN
from accounts.secret import digest
from api.authorization import MalformedAuthorization, Pairs, parse
from api.errors import CHALLENGE, UNAUTHORIZED
from api.rows import Columns, one, relate
from api.throttle import count_refusal

if TYPE_CHECKING:
    from instances.models import ElementInstance

# What few requests look at is left out: it is read when it is looked at.
USERS, OWNERS, ACCOUNTS, ORGANIZATIONS, GRANTS = (
    Columns(User, "u", without=("password", "last_login", "date_joined", "removed_at")),
    Columns(Organization, "own", without=("secret_digest", "secret_hint", "created_at")),
    Columns(Account, "a", without=("description", "external_id", "created_at", "updated_at")),
    Columns(Organization, "o", without=("name", "secret_hint", "created_at")),
    Columns(RoleGrant, "g", without=("granted_at",)),  # of the role that reaches all accounts
)
CALLER_COLUMNS: tuple[Columns[Any], ...] = (USERS, OWNERS, ACCOUNTS, ORGANIZATIONS, GRANTS)
CALLERS = f"""
  FROM (VALUES (1)) AS always
  LEFT JOIN accounts_user u ON u.secret_digest = %s
  LEFT JOIN accounts_organization own ON own.id = u.organization_id
  LEFT JOIN accounts_account a ON a.id = u.account_id
  LEFT JOIN accounts_organization o ON o.secret_digest = %s
  LEFT JOIN accounts_rolegrant g ON g.user_id = u.id AND g.key = '{ORG_ADMIN.key}'
"""
# Whether the user's reach (accounts.reach) has the instance `i`.
INSTANCE_WITHIN_REACH = """
(g.id IS NOT NULL OR u.is_staff OR u.is_superuser OR EXISTS (
    SELECT 1 FROM accounts_user owner WHERE owner.id = i.user_id AND owner.account_id = a.id))
"""
NO_DIGEST = "0" * 64  # compared with where no row was found
LONGEST_ID = 18  # digits that a path's id may have and still fit its column


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `request.auth` of an authenticated request.

    `organization` is the user's own, whether or not the header brought its secret;
    `organization_proven` tells. `reach` is what of it the user may see and change. `instance` is
    the Element pair's, within that reach, and `addressed` the one that the path names, where it is
    within reach and was read along.
    """

    user: User
    organization: Organization
    reach: Reach
    instance: ElementInstance | None = None
    organization_proven: bool = False
    addressed: ElementInstance | None = None


def caller_of(request: Request) -> Caller:
    """Who calls; a 401 when nobody does. For views, whose `request.auth` has no useful type."""
    if not isinstance(request.auth, Caller):
        raise NotAuthenticated
    return request.auth


@dataclass(frozen=True, slots=True)
class InstanceRows:
    """How an instance is read in the callers' own statement, told by the room it lives in.

    `by_token` and `by_id` join what `columns` select to CALLERS, with one parameter each: a digest,
    an id. `read` makes the instance of the models that were found, in the order of `columns`.
    """

    columns: tuple[Columns[Any], ...]
    by_token: str
    by_id: str
    read: Callable[[Sequence[Any]], ElementInstance | None]


def _statement(columns: Sequence[Columns[Any]], join: str = "") -> str:
    return f"SELECT {', '.join(one.sql for one in columns)} {CALLERS} {join}"


_instance_rows: InstanceRows | None = None
_callers_alone = _statement(CALLER_COLUMNS)
_with_token = _with_id = ""


def register_instances(rows: InstanceRows) -> None:
    global _instance_rows, _with_token, _with_id
    _instance_rows = rows
    columns = (*CALLER_COLUMNS, *rows.columns)
    _with_token, _with_id = _statement(columns, rows.by_token), _statement(columns, rows.by_id)


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
            return _checked(pairs, _id_in_path(request))
        except AuthenticationFailed:
            count_refusal(request)
            raise

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _id_in_path(request: Request) -> int | None:
    """The id of the instance that the path names, if it names one."""
    named = (request.parser_context or {}).get("kwargs", {}).get("instance_id")
    return int(named) if named is not None and len(named) <= LONGEST_ID else None


def _checked(pairs: Pairs, addressed_id: int | None) -> tuple[User, Caller] | None:
    user, is_org_admin, organization, instance = _found(pairs, addressed_id)
    by_token = instance if pairs.element is not None else None
    valid = (
        (pairs.user is None or user is not None)
        and (pairs.organization is None or organization is not None)
        and (pairs.element is None or by_token is not None)
    )
    owners = {
        owner
        for owner in (
            user.organization_id if user else None,
            organization.pk if organization else None,
            by_token.organization_id if by_token else None,
        )
        if owner is not None
    }
    if not valid or len(owners) > 1:
        raise AuthenticationFailed(UNAUTHORIZED)
    if user is None or user.organization is None or (organization is None and by_token is None):
        return None
    if instance is not None and instance.organization_id == user.organization.pk:
        relate(instance, "organization", user.organization)
        if instance.user_id == user.pk:
            relate(instance, "user", user)
    addressed = instance if by_token is None else None
    reach = reach_with(user, user.organization, is_org_admin)
    return user, Caller(
        user, user.organization, reach, by_token, organization is not None, addressed
    )


def _found(
    pairs: Pairs, addressed_id: int | None
) -> tuple[User | None, bool, Organization | None, ElementInstance | None]:
    """The user with organization and account, whether the user administers the organization, the
    organization, and the instance within the user's reach: the Element pair's where there is one,
    else the one that is addressed.

    One statement, so that it takes the same time whichever of them is found.
    """
    if pairs == Pairs():
        return None, False, None, None
    wanted = _digest(pairs.user), _digest(pairs.organization)
    token = _digest(pairs.element)
    instance: ElementInstance | None = None
    if _instance_rows is None or (token is None and addressed_id is None):
        found = one(_callers_alone, wanted, *CALLER_COLUMNS)
    else:
        statement = _with_token if token is not None else _with_id
        parameters = (*wanted, token if token is not None else addressed_id)
        found = one(statement, parameters, *CALLER_COLUMNS, *_instance_rows.columns)
        instance = _instance_rows.read(found[len(CALLER_COLUMNS) :]) if found else None
    callers = found[: len(CALLER_COLUMNS)] if found else [None] * len(CALLER_COLUMNS)
    user, own, account, organization, granted = callers
    if user is not None:
        relate(user, "organization", own)
        relate(user, "account", account)
    usable = user is not None and user.has_access and user.organization_id is not None
    same_user = _same(user.secret_digest if user else None, wanted[0])
    same_organization = _same(organization.secret_digest if organization else None, wanted[1])
    same_instance = token is None or _same(instance.token_digest if instance else None, token)
    return (
        user if same_user and usable else None,
        granted is not None,
        organization if same_organization else None,
        instance if same_instance else None,
    )


def _digest(secret: str | None) -> str | None:
    return None if secret is None else digest(secret)


def _same(stored: str | None, wanted: str | None) -> bool:
    return hmac.compare_digest(stored or NO_DIGEST, wanted or "")
