"""What people change of their organization's elements is written down."""

from __future__ import annotations

from audit.models import Action
from audit.record import record
from audit.watch import Subject, watch
from elements.models import PrivateElement


def begin() -> None:
    watch(
        PrivateElement,
        Subject(
            "element",
            organization=lambda row: row.organization_id,
            account=lambda row: row.account_id,
            name=lambda row: row.key,
            created=Action.ELEMENT_CREATED,
            changed=lambda row, changes: Action.ELEMENT_CHANGED,
            deleted=Action.ELEMENT_DELETED,
            shown=["active"],
            named=["definition"],
        ),
    )


def shared(row: PrivateElement, account_id: int, *, shared: bool) -> None:
    """Writes down that an account may use the element, or may no longer."""
    record(
        Action.ELEMENT_CHANGED,
        row.organization_id,
        "element",
        row.pk,
        row.key,
        account_id=row.account_id,
        changes={f"shared with account {account_id}": [not shared, shared]},
    )
