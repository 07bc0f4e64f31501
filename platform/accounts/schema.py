"""The JSON of accounts, users and roles, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from accounts.roles import CATALOGUE
from api.schema import (
    ANYTHING,
    FLAG,
    FLAG_OR_TEXT,
    NUMBER,
    TEXT,
    TIME,
    described,
    header,
    in_path,
    listed,
    nullable,
    one_of,
    query,
    shape,
)

in_path("account_id", "the id of the account")
in_path("user", "the id or the e-mail address of the user; `me` is the caller", TEXT, example="me")
in_path("role_key", f"a role: {', '.join(CATALOGUE)}", TEXT, example="admin")

DAY = {"type": "string", "format": "date"}
OPTIONAL_TEXT = nullable(TEXT)
OPTIONAL_FLAG = {"type": ["boolean", "string", "null"]}
POLICY = one_of("retry", "queue")

ORGANIZATION = shape("Organization", {"id": NUMBER, "name": TEXT, "createdDate": DAY})
ORGANIZATION_EXAMPLE = {"id": 1, "name": "An organization", "createdDate": "2026-03-01"}
ORGANIZATION_CHANGE = shape("OrganizationChange", {"name": TEXT})

ACCOUNT = shape(
    "Account",
    {
        "id": NUMBER,
        "name": TEXT,
        "description": TEXT,
        "active": FLAG,
        "companyId": described(NUMBER, "the id of the organization"),
        "externalId": nullable(TEXT),
        "defaultAccount": FLAG,
        "type": one_of("Default", "CompanyAccount"),
        "createdDate": DAY,
        "updatedDate": DAY,
    },
)
ACCOUNT_EXAMPLE: dict[str, Any] = {
    "id": 7,
    "name": "A customer",
    "description": "customer-7",
    "active": True,
    "companyId": 1,
    "externalId": "customer-7",
    "defaultAccount": False,
    "type": "CompanyAccount",
    "createdDate": "2026-03-01",
    "updatedDate": "2026-03-01",
}
ACCOUNT_CHANGES = {
    "name?": OPTIONAL_TEXT,
    "description?": OPTIONAL_TEXT,
    "active?": OPTIONAL_FLAG,
}
ACCOUNT_WANTED = shape("AccountWanted", {"externalId": TEXT, **ACCOUNT_CHANGES})
ACCOUNT_CHANGE = shape("AccountChange", {"externalId?": OPTIONAL_TEXT, **ACCOUNT_CHANGES})

SETTINGS = shape("AccountSettings", {"notification.webhook.failure.policy": POLICY})
SETTINGS_CHANGE = shape(
    "AccountSettingsChange", {"notification.webhook.failure.policy?": nullable(POLICY)}
)
SETTINGS_EXAMPLE = {"notification.webhook.failure.policy": "retry"}

ROLE = shape(
    "Role",
    {
        "id": NUMBER,
        "name": TEXT,
        "key": one_of(*CATALOGUE),
        "active": FLAG,
        "description": TEXT,
        "features": listed(TEXT),
    },
)
ROLE_EXAMPLE: dict[str, Any] = {
    "id": 2,
    "name": "Account administrator",
    "key": "admin",
    "active": True,
    "description": "Administers the own account: its settings, its users, and who else "
    "administers it.",
    "features": ["accountSettings", "accountUsers"],
}

USER_FIELDS = {
    "id": NUMBER,
    "createdDate": TIME,
    "firstName": TEXT,
    "lastName": TEXT,
    "fullName": TEXT,
    "email": TEXT,
    "username": described(TEXT, "the e-mail address: what the user signs in with"),
    "accountId": nullable(NUMBER),
    "active": FLAG,
    "password": described(TEXT, "always `secured`"),
    "lastLoginDate": nullable(TIME),
    "roles": listed(ROLE),
    "enabled": FLAG,
    "emailValid": described(FLAG, "whether the address is verified: without that it gets no mail"),
    "accountExpired": FLAG,
    "accountLocked": FLAG,
    "credentialsExpired": FLAG,
    "accountNonExpired": FLAG,
    "accountNonLocked": FLAG,
    "credentialsNonExpired": FLAG,
}
USER = shape("User", USER_FIELDS)
USER_WITH_SECRET = shape(
    "UserWithSecret", {**USER_FIELDS, "secret": described(TEXT, "shown this once")}
)
USER_EXAMPLE: dict[str, Any] = {
    "id": 12,
    "createdDate": "2026-03-01T12:00:00Z",
    "firstName": "New",
    "lastName": "User",
    "fullName": "New User",
    "email": "user@example.com",
    "username": "user@example.com",
    "accountId": 7,
    "active": True,
    "password": "secured",
    "lastLoginDate": None,
    "roles": [ROLE_EXAMPLE],
    "enabled": True,
    "emailValid": True,
    "accountExpired": False,
    "accountLocked": False,
    "credentialsExpired": False,
    "accountNonExpired": True,
    "accountNonLocked": True,
    "credentialsNonExpired": True,
}
SECRET = shape("Secret", {"secret": described(TEXT, "shown this once")})
SECRET_EXAMPLE = {"secret": "SECRET"}
USER_WITH_SECRET_EXAMPLE = {**USER_EXAMPLE, **SECRET_EXAMPLE}

USER_CHANGES = {
    "firstName?": OPTIONAL_TEXT,
    "lastName?": OPTIONAL_TEXT,
    "password?": OPTIONAL_TEXT,
}
USER_WANTED = shape(
    "UserWanted",
    {
        "email": TEXT,
        **USER_CHANGES,
        "roles?": described(
            nullable(listed(ANYTHING)), "keys of roles, or objects with a `key`: `admin`"
        ),
    },
)
USER_WANTED_EXAMPLE = {
    "email": "user@example.com",
    "firstName": "New",
    "lastName": "User",
    "roles": ["admin"],
}
USER_CHANGE = shape(
    "UserChange",
    {
        "email?": OPTIONAL_TEXT,
        **USER_CHANGES,
        "active?": OPTIONAL_FLAG,
        "permanent?": OPTIONAL_FLAG,
    },
)
SWITCHES = [
    query("active", "as `active` in the body", FLAG_OR_TEXT),
    query("permanent", "as `permanent` in the body", FLAG_OR_TEXT),
]
PASSWORD_HEADER = header(
    "Elements-User-Password",
    "Asks for the secret. It is stored as a digest, so the answer says in `Elements-Error` that it "
    "cannot be shown.",
)
