"""What people change of their organization's elements is written down."""

from __future__ import annotations

from audit.models import Action
from audit.watch import Subject, watch
from elements.models import PrivateElement


def begin() -> None:
    watch(
        PrivateElement,
        Subject(
            "element",
            organization=lambda row: row.organization_id,
            name=lambda row: row.key,
            created=Action.ELEMENT_CREATED,
            changed=lambda row, changes: Action.ELEMENT_CHANGED,
            deleted=Action.ELEMENT_DELETED,
            shown=["active"],
            named=["definition"],
        ),
    )
