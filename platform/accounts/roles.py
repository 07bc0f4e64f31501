"""The roles there are, and how far each reaches.

Rule 1: nobody changes a user who ranks higher; else an administrator of one account could take
over the organization by giving its owner a new secret.
Rule 2: nobody grants a role that reaches further than the own rank.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Rank(IntEnum):
    """How far a user's word reaches."""

    SELF = 0  # the own user, and what everybody may do
    ACCOUNT = 1  # the users of the own account
    ORGANIZATION = 2  # every account and user of the organization
    INSTALLATION = 3  # the pages below /admin/


@dataclass(frozen=True, slots=True)
class Role:
    id: int
    key: str
    name: str
    description: str
    features: tuple[str, ...]
    rank: Rank  # of whoever has it
    granted_by: Rank  # what it takes to grant it, or to take it away


ORG_ADMIN = Role(
    1,
    "org-admin",
    "Organization administrator",
    "Administers the organization: its name and secret, every account, every user, their roles.",
    ("organization", "accounts", "users", "roles"),
    Rank.ORGANIZATION,
    Rank.ORGANIZATION,
)
ADMIN = Role(
    2,
    "admin",
    "Account administrator",
    "Administers the own account: its settings, its users, and who else administers it.",
    ("accountSettings", "accountUsers"),
    Rank.ACCOUNT,
    Rank.ACCOUNT,
)
ORG = Role(
    3,
    "org",
    "Organization",
    "Marks a user who works for the whole organization. It opens nothing by itself.",
    (),
    Rank.SELF,
    Rank.ORGANIZATION,
)
SYS_ADMIN = Role(
    4,
    "sys-admin",
    "System administrator",
    "Administers the installation. An operator's server gives it, never the API.",
    ("installation",),
    Rank.INSTALLATION,
    Rank.INSTALLATION,
)
CATALOGUE = {role.key: role for role in (ORG_ADMIN, ADMIN, ORG, SYS_ADMIN)}
GRANTABLE = (ORG_ADMIN, ADMIN, ORG)
OF_A_FIRST_USER = (ORG_ADMIN, ADMIN)


def rank_of(roles: Iterable[Role]) -> Rank:
    return max((role.rank for role in roles), default=Rank.SELF)
