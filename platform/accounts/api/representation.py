"""The JSON of organizations, accounts, users and roles."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from accounts.api.authority import roles_of
from accounts.models import Account, Organization, User
from accounts.roles import Role
from api.timestamp import timestamp


def organization_json(organization: Organization) -> dict[str, Any]:
    return {
        "id": organization.pk,
        "name": organization.name,
        "createdDate": organization.created_at.astimezone(UTC).date().isoformat(),
    }


def account_json(account: Account) -> dict[str, Any]:
    return {
        "id": account.pk,
        "name": account.name,
        "description": account.description,
        "active": account.active,
        "companyId": account.organization_id,
        "externalId": account.external_id or None,  # the default account may have none
        "defaultAccount": account.is_default,
        "type": "Default" if account.is_default else "CompanyAccount",
        "createdDate": account.created_at.astimezone(UTC).date().isoformat(),
        "updatedDate": account.updated_at.astimezone(UTC).date().isoformat(),
    }


def user_json(user: User, secret: str = "") -> dict[str, Any]:
    """With the secret where it is shown this once. `user` is one of `authority.people`."""
    shown = {"secret": secret} if secret else {}
    return {
        "id": user.pk,
        "createdDate": timestamp(user.date_joined),
        "firstName": user.first_name,
        "lastName": user.last_name,
        "fullName": user.get_full_name(),
        "email": user.email,
        "username": user.username,
        "accountId": user.account_id,
        "active": user.is_active,
        "password": "secured",
        "lastLoginDate": timestamp(user.last_login),
        **shown,
        "roles": [role_json(role) for role in roles_of(user)],
        # Older clients read these.
        "enabled": user.is_active,
        "emailValid": user.address_verified_at is not None,
        "accountExpired": False,
        "accountLocked": False,
        "credentialsExpired": False,
        "accountNonExpired": True,
        "accountNonLocked": True,
        "credentialsNonExpired": True,
    }


def role_json(role: Role) -> dict[str, Any]:
    return {
        "id": role.id,
        "name": role.name,
        "key": role.key,
        "active": True,
        "description": role.description,
        "features": list(role.features),
    }
