"""Writes down what a person did, in the transaction that does it.

Rule 1: no value of a secret, and no e-mail address, ever comes here.
Rule 2: a change that is undone is undone here as well: callers are inside the change's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from audit import actor
from audit.models import Action, AuditEntry

LONGEST_NAME = 200  # characters


def record(
    action: Action,
    organization_id: int | None,
    kind: str = "",
    subject_id: int | None = None,
    name: str = "",
    *,
    account_id: int | None = None,
    instance_id: int | None = None,
    changes: Mapping[str, Any] | None = None,
    user_id: int | None = None,
    anybody: bool = False,
) -> None:
    """Writes it down where a person acts.

    `account_id` is the account that the subject belongs to; None is the organization as a whole.
    `user_id` names a person who is not signed in, and yet known to be that person. `anybody` is
    for what may be done without signing in; else nothing is written of it.
    """
    who = actor.current()
    if who is None:
        return
    by = who.user_id if user_id is None else user_id
    if by is None and not anybody:
        return
    AuditEntry.objects.create(
        at=timezone.now(),
        organization_id=organization_id,
        account_id=account_id,
        user_id=by,
        action=action,
        subject_kind=kind,
        subject_id=subject_id,
        subject_name=name[:LONGEST_NAME],
        instance_id=instance_id,
        changes=dict(changes or {}),
        source=who.source,
        address=who.address,
        request_id=who.request_id,
    )


def acts() -> bool:
    """Whether a person acts of whom anything is written."""
    who = actor.current()
    return who is not None and who.user_id is not None
