"""What the caller may see and change of accounts and users.

Rule 1: of another organization nothing is there (404). Of the own one, what the rank does not
reach is refused (403), before anything is said of whether it exists.
Rule 2: whoever changes users or roles holds the organization's row, and the rank is read below
that lock: of two administrators who take each other's access at once, one wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request

from accounts.models import Account, Organization, User
from accounts.reach import Reach
from accounts.roles import CATALOGUE, SYS_ADMIN, Rank, Role, rank_of
from api.authentication import caller_of
from api.errors import Forbidden, NotFound, Unauthorized
from api.fields import id_in_path

ONESELF = "me"  # names the caller where a path names a user
NEEDED = {
    Rank.ACCOUNT: "only administrators may do this: it takes the role admin or org-admin",
    Rank.ORGANIZATION: "only administrators of the organization may do this: it takes the role "
    "org-admin",
    Rank.INSTALLATION: "only the operator of the installation may do this",
}


@dataclass(frozen=True, slots=True)
class Authority:
    """The caller, and how far the caller's word reaches."""

    user: User
    organization: Organization
    rank: Rank

    @property
    def reach(self) -> Reach:
        """What belongs to accounts, as far as the caller may see and change it."""
        whole = self.rank >= Rank.ORGANIZATION
        return Reach(self.organization, None if whole else self.user.account_id)

    def require(self, rank: Rank) -> None:
        """Raises Forbidden when the caller ranks lower."""
        if self.rank < rank:
            raise Forbidden(NEEDED[rank])

    def is_oneself(self, user: User) -> bool:
        return user.pk == self.user.pk

    def accounts(self) -> QuerySet[Account]:
        """The accounts within reach, switched off or not."""
        rows = Account.objects.filter(organization=self.organization)
        return rows if self.rank >= Rank.ORGANIZATION else rows.filter(users=self.user)

    def users(self) -> QuerySet[User]:
        """The users within reach, with all that their JSON needs."""
        rows = people(self.organization)
        return rows if self.rank >= Rank.ORGANIZATION else rows.filter(account=self.user.account)

    def account(self, account_id: str) -> Account:
        """One account. Raises Forbidden and NotFound."""
        self.require(Rank.ACCOUNT)
        found = Account.objects.filter(
            organization=self.organization, pk=id_in_path(account_id)
        ).first()
        if self.rank < Rank.ORGANIZATION and (found is None or found.pk != self.user.account_id):
            raise Forbidden(NEEDED[Rank.ORGANIZATION])
        if found is None:
            raise NotFound(f"No account found with id {account_id[:20]}")
        return found

    def person(self, named: str, *, own_too: bool = True) -> User:
        """A user by id or address. Raises Forbidden and NotFound.

        The own user is always within reach, unless `own_too` says otherwise.
        """
        found = self.anybody(named)
        if found is not None and own_too and self.is_oneself(found):
            return found
        self.require(Rank.ACCOUNT)
        if found is None:
            raise no_user(named)
        self._require_reach(found)
        return found

    def anybody(self, named: str) -> User | None:
        """A user of the organization by id or address, within reach or not."""
        if named == ONESELF:
            return people(self.organization).filter(pk=self.user.pk).first()
        if "\0" in named:
            return None
        if named.isascii() and named.isdigit():
            return people(self.organization).filter(pk=id_in_path(named)).first()
        return people(self.organization).filter(username=named.strip().lower()).first()

    def require_over(self, user: User) -> None:
        """Raises Forbidden when the caller may not change the user."""
        if self.is_oneself(user):
            return
        self.require(Rank.ACCOUNT)
        self._require_reach(user)
        if rank_of(roles_of(user)) > self.rank:
            raise Forbidden("this user's roles reach further than yours")

    def require_other(self, user: User) -> None:
        """Raises Forbidden where nobody may act on oneself."""
        if self.is_oneself(user):
            raise Forbidden("nobody may take away the own access: another administrator can")

    def require_grant(self, role: Role) -> None:
        """Raises Forbidden when the caller may not give or take that role."""
        self.require(Rank.ACCOUNT)
        self.require(role.granted_by)

    def _require_reach(self, user: User) -> None:
        if self.rank < Rank.ORGANIZATION and user.account_id != self.user.account_id:
            raise Forbidden(NEEDED[Rank.ORGANIZATION])


def authority_of(request: Request) -> Authority:
    caller = caller_of(request)
    return authority_for(caller.user, caller.organization)


def authority_for(user: User, organization: Organization) -> Authority:
    return Authority(user, organization, rank_of(roles_of(user)))


def changing(request: Request) -> AbstractContextManager[Authority]:
    """As `changing_as`, for the caller."""
    caller = caller_of(request)
    return changing_as(caller.user, caller.organization)


@contextmanager
def changing_as(person: User, organization: Organization) -> Iterator[Authority]:
    """A transaction in which nobody else changes the organization's users and roles.

    Raises Unauthorized for a person whose access has just been taken.
    """
    with transaction.atomic():
        # Without "key": instances and events of the organization are stored meanwhile.
        locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        user = User.objects.select_related("account").filter(pk=person.pk).first()
        if user is None or not user.has_access:
            raise Unauthorized
        yield Authority(user, locked, rank_of(roles_of(user)))


def people(organization: Organization) -> QuerySet[User]:
    """The organization's users but those removed for good, with all that their JSON needs."""
    rows = User.objects.filter(organization=organization, removed_at=None)
    return rows.select_related("account", "organization").prefetch_related("role_grants")


def roles_of(user: User) -> list[Role]:
    """In the order of the catalogue."""
    held = {grant.key for grant in user.role_grants.all()}
    if user.is_staff or user.is_superuser:
        held.add(SYS_ADMIN.key)
    return [role for key, role in CATALOGUE.items() if key in held]


def no_user(named: str) -> NotFound:
    return NotFound(f"No user found with id or e-mail address {named[:100]}")
