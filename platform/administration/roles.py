"""Who may do what in the admin: superusers everything, and two roles, which are Django groups.

Rule 1: a role has what this table says, after each migration; who wants another makes a group.
Rule 2: neither sees payloads, that is, what is in customers' events and what receivers answer:
`events.view_payload` shows them to whom it is given.
Rule 3: only superusers make users, secrets and schedules: who can do one of it can do everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

OPERATOR = "Operator"
READ_ONLY = "Read-only"
SEEN = (
    "administration.errand",
    "accounts.account",
    "accounts.organization",
    "accounts.user",
    "audit.auditentry",
    "bulk.bulkjob",
    "django_q.failure",
    "django_q.ormq",
    "django_q.schedule",
    "django_q.success",
    "events.delivery",
    "events.deliveryattempt",
    "events.endpoint",
    "events.event",
    "events.refusedwebhook",
    "events.subscription",
    "instances.credential",
    "instances.elementinstance",
    "polling.pollingresource",
    "polling.pollrun",
    "polling.putasideobject",
    "quota.quotabucket",
    "watching.instancewatch",
)
ACTED_ON = (
    "administration.errand",
    "events.delivery",
    "events.subscription",
    "instances.elementinstance",
)


def permissions_of(role: str) -> set[str]:
    """As `app.codename`."""
    found = {_permission(model, "view") for model in SEEN}
    if role == OPERATOR:
        found |= {_permission(model, "change") for model in ACTED_ON}
    return found


def keep_roles(**_: Any) -> None:
    """Receiver of post_migrate: makes both roles, with the permissions that there are by now."""
    with transaction.atomic():
        for role in (OPERATOR, READ_ONLY):
            group, _created = Group.objects.get_or_create(name=role)
            group.permissions.set(_rows(permissions_of(role)))


def _permission(model: str, what: str) -> str:
    app, name = model.split(".")
    return f"{app}.{what}_{name}"


def _rows(wanted: Iterable[str]) -> list[Permission]:
    any_of = Q(pk=None)
    for one in wanted:
        app, codename = one.split(".")
        any_of |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.filter(any_of))
