"""Tells whether an element is still needed."""

from __future__ import annotations

from typing import Any

from elements.types import Element
from instances.models import ElementInstance


def instances_of(element: Element, **_: Any) -> int:
    """How many instances the private element has. A receiver of elements.signals."""
    return ElementInstance.objects.filter(
        organization=element.organization_id, element_key=element.key
    ).count()
