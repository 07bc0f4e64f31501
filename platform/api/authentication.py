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

from accounts.models import Organization, User
from accounts.secret import digest
from api.authorization import MalformedAuthorization, Pairs, parse
from api.errors import CHALLENGE, UNAUTHORIZED
from api.throttle import count_refusal

if TYPE_CHECKING:
    from instances.models import ElementInstance

ElementLookup = Callable[[str], "ElementInstance | None"]
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
    user = _user_of(pairs.user)
    organization = _organization_of(pairs.organization)
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


def _user_of(secret: str | None) -> User | None:
    if secret is None:
        return None
    wanted = digest(secret)
    users = User.objects.select_related("organization", "account")
    user = users.filter(secret_digest=wanted).first()
    found = user.secret_digest if user is not None and user.secret_digest else NO_DIGEST
    same = hmac.compare_digest(found, wanted)
    usable = user is not None and user.has_access and user.organization_id is not None
    return user if same and usable else None


def _organization_of(secret: str | None) -> Organization | None:
    if secret is None:
        return None
    wanted = digest(secret)
    organization = Organization.objects.filter(secret_digest=wanted).first()
    found = organization.secret_digest if organization is not None else NO_DIGEST
    return organization if hmac.compare_digest(found, wanted) else None
