"""Tells whether an element is still needed."""

from __future__ import annotations

from typing import Any

from elements.types import Element
from instances.models import ElementInstance
from instances.status import is_unopened


def led_elsewhere(element: Element, **_: Any) -> int:
    """As `instances_of`, of those whose secrets another definition would send elsewhere.

    Where the definition cannot be read, neither can most of them: what does not open is not sent.
    """
    if not element.fault:
        return instances_of(element)
    rows = ElementInstance.objects.filter(
        organization=element.organization_id, element_key=element.key
    ).select_related("credential")
    return sum(1 for one in rows.iterator() if not is_unopened(one))


def instances_of(element: Element, **_: Any) -> int:
    """How many instances the private element has. A receiver of elements.signals."""
    return ElementInstance.objects.filter(
        organization=element.organization_id, element_key=element.key
    ).count()
