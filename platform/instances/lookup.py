"""How an instance is found: by its id, by its token, or along with those who call.

Whichever way, its credential comes with it.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from accounts.reach import INSTANCE_WITHIN, Reach
from accounts.secret import digest
from api.authentication import INSTANCE_WITHIN_REACH, InstanceRows
from api.rows import Columns, one, relate
from instances.models import Credential, ElementInstance

NO_DIGEST = "0" * 64  # compared with where no row was found
WITHOUT = ("expires_at", "refresh_due_at", "failures", "account", "identity", "warned_at")
COLUMNS = (
    Columns(ElementInstance, "i"),
    Columns(Credential, "c", without=WITHOUT),
)
CREDENTIAL = "LEFT JOIN instances_credential c ON c.instance_id = i.id"
SELECTED = (
    f"SELECT {', '.join(each.sql for each in COLUMNS)} "  # noqa: S608 - names of columns
    f"FROM instances_elementinstance i {CREDENTIAL}"
)
BY_ID = (
    f"{SELECTED} WHERE i.id = %s AND i.organization_id = %s "
    f"AND {INSTANCE_WITHIN.replace('%(account)s', '%s')}"
)
BY_TOKEN = f"{SELECTED} WHERE i.token_digest = %s"


def by_id(reach: Reach, instance_id: int) -> ElementInstance | None:
    """An instance within reach."""
    wanted = [instance_id, reach.organization.pk, reach.account_id, reach.account_id]
    instance = _read(one(BY_ID, wanted, *COLUMNS))
    if instance is not None:
        relate(instance, "organization", reach.organization)
    return instance


def by_token(token: str) -> ElementInstance | None:
    """The instance whose token this is, enabled or not."""
    wanted = digest(token)
    instance = _read(one(BY_TOKEN, [wanted], *COLUMNS))
    found = instance.token_digest if instance is not None else NO_DIGEST
    return instance if hmac.compare_digest(found, wanted) else None


def _read(rows: Sequence[Any] | None) -> ElementInstance | None:
    instance, credential = rows or (None, None)
    if not isinstance(instance, ElementInstance):
        return None
    relate(instance, "credential", credential)
    return instance


ALONG_WITH_CALLERS = InstanceRows(
    columns=COLUMNS,
    # A token without a user proves nothing about anybody; what it opens is decided elsewhere.
    by_token=(
        "LEFT JOIN instances_elementinstance i ON i.token_digest = %s "
        f"AND (u.id IS NULL OR {INSTANCE_WITHIN_REACH}) {CREDENTIAL}"
    ),
    by_id=(
        "LEFT JOIN instances_elementinstance i ON i.id = %s "
        f"AND i.organization_id = u.organization_id AND {INSTANCE_WITHIN_REACH} {CREDENTIAL}"
    ),
    read=_read,
)
