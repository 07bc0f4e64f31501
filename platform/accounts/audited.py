"""What people change of organizations, accounts, users and roles is written down."""

from __future__ import annotations

from accounts.models import Account, Organization, RoleGrant, User
from audit.models import Action
from audit.watch import Changes, Subject, watch

OF_ITS_OWN = ("secret_digest", "password", "removed_at")  # columns that say what was done


def begin() -> None:
    watch(
        Organization,
        Subject(
            "organization",
            organization=lambda row: row.pk,
            account=lambda row: None,
            name=lambda row: row.name,
            created=Action.ORGANIZATION_CREATED,
            changed=_organization_changed,
            deleted=Action.ORGANIZATION_DELETED,
            shown=["name"],
            named=["secret_digest"],
        ),
    )
    watch(
        Account,
        Subject(
            "account",
            organization=lambda row: row.organization_id,
            account=lambda row: row.pk,
            name=lambda row: row.name,
            created=Action.ACCOUNT_CREATED,
            changed=lambda row, changes: Action.ACCOUNT_CHANGED,
            deleted=Action.ACCOUNT_DELETED,
            shown=["name", "description", "external_id", "active", "failure_policy"],
            matters=lambda row: not row.is_default,  # that comes and goes with the organization
        ),
    )
    # Not the name or the address: they are gone when the person is removed for good.
    watch(
        User,
        Subject(
            "user",
            organization=lambda row: row.organization_id,
            account=lambda row: row.account_id,
            created=Action.USER_CREATED,
            changed=_user_changed,
            deleted=Action.USER_REMOVED,
            shown=["is_active", "is_staff", "is_superuser", "account_id"],
            named=["username", "address_verified_at", "first_name", "last_name", *OF_ITS_OWN],
        ),
    )
    watch(
        RoleGrant,
        Subject(
            "user",
            organization=lambda row: row.user.organization_id,
            account=lambda row: row.user.account_id,
            id=lambda row: row.user_id,
            created=Action.ROLE_GRANTED,
            changed=lambda row, changes: Action.USER_CHANGED,
            deleted=Action.ROLE_TAKEN,
            shown=["key"],
            details=lambda row: {"role": row.key},
        ),
    )


def _organization_changed(row: Organization, changes: Changes) -> Action:
    if "secret_digest" in changes:
        del changes["secret_digest"]
        return Action.ORGANIZATION_SECRET
    return Action.ORGANIZATION_CHANGED


def _user_changed(row: User, changes: Changes) -> Action:
    if "removed_at" in changes:
        changes.clear()
        return Action.USER_REMOVED
    for column, action in (
        ("secret_digest", Action.USER_SECRET),
        ("password", Action.PASSWORD_CHANGED),
    ):
        if set(changes) == {column}:
            changes.clear()
            return action
    return Action.USER_CHANGED
