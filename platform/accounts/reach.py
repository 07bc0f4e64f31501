"""What of an organization a user may see and change: the own account's rows, or all of them.

Rule 1: this table alone says which account a row belongs to. Who reads rows on a user's behalf asks
`Reach.rows` or `Reach.rows_of_instances`, and no query names an account by itself; statements of
our own take `Reach.account_id` as a parameter.
Rule 2: an instance belongs to the account of the user who connected it, and takes along what hangs
on it. So whoever is moved to another account takes everything along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.models import Organization, RoleGrant, User
from accounts.roles import ORG_ADMIN

Row = TypeVar("Row", bound=Model)

READ_ALONG = "is_org_admin"  # the attribute of a user that `read_along` sets

# The ways from a row to its account: one of them leads there. A row that has none belongs to the
# organization as a whole, and only those see it who see all of that.
WAYS: Mapping[str, tuple[str, ...]] = {
    "instances.elementinstance": ("user__account",),
    "bulk.bulkjob": ("instance__user__account",),
    "events.event": ("instance__user__account", "account"),
    "events.subscription": ("instance__user__account", "owner__account", "account"),
    "events.delivery": (
        "subscription__instance__user__account",
        "subscription__owner__account",
        "subscription__account",
    ),
}
# Of an instance `i` in a statement of our own: always so where the parameter `account` is null.
INSTANCE_WITHIN = """
(%(account)s::bigint IS NULL OR EXISTS (
    SELECT 1 FROM accounts_user owner
     WHERE owner.id = i.user_id AND owner.account_id = %(account)s))
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """The rows of one account, or (None) of the whole organization."""

    organization: Organization
    account_id: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.account_id is None

    def rows(self, table: type[Row]) -> QuerySet[Row]:
        """Return the rows within reach. Raises KeyError for a table without WAYS."""
        found = table._default_manager.filter(organization=self.organization.pk)
        ways = WAYS[table._meta.label_lower]
        if self.account_id is None:
            return found
        within = Q()
        for way in ways:
            within |= Q(**{way: self.account_id})
        return found.filter(within)

    def rows_of_instances(self, table: type[Row]) -> QuerySet[Row]:
        """Return the rows with an instance within reach, by the indexes of those instances."""
        found = table._default_manager.filter(
            organization=self.organization.pk, instance__isnull=False
        )
        if self.account_id is None:
            return found
        return found.filter(instance__user__account=self.account_id)


def read_along(users: QuerySet[User]) -> QuerySet[User]:
    """Return the users with what `reach_of` asks for, in the same query."""
    grants = RoleGrant.objects.filter(user=OuterRef("pk"), key=ORG_ADMIN.key)
    return users.annotate(**{READ_ALONG: Exists(grants)})


def reach_of(user: User, organization: Organization) -> Reach:
    """Return the reach of a user of the organization. One query, unless it was read along."""
    is_org_admin = getattr(user, READ_ALONG, None)
    if is_org_admin is None:
        is_org_admin = user.role_grants.filter(key=ORG_ADMIN.key).exists()
    return reach_with(user, organization, is_org_admin)


def reach_with(user: User, organization: Organization, is_org_admin: bool) -> Reach:
    """As `reach_of`, where somebody has looked already whether the user has that role."""
    whole = is_org_admin or user.is_staff or user.is_superuser
    return Reach(organization, None if whole else user.account_id)
