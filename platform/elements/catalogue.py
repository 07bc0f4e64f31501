"""Finds every element there is: those that everybody has, and an organization's own."""

from __future__ import annotations

from elements import built_in, private
from elements.built_in import BrokenElementError, address
from elements.errors import ElementNotFound
from elements.types import Element

__all__ = ["BrokenElementError", "address", "all_elements", "find", "is_built_in"]


def all_elements(organization_id: int | None = None) -> tuple[Element, ...]:
    """Every element, by key, those private to the organization last. Raises BrokenElementError."""
    own = private.all_of(organization_id) if organization_id is not None else ()
    return (*built_in.elements().values(), *own)


def find(key_or_id: str | int, organization_id: int | None = None) -> Element:
    """An element that everybody has, or a private one of the organization (which is a query).

    Raises ElementNotFound, also for another organization's.
    """
    elements = built_in.elements()
    wanted = str(key_or_id).strip()
    if wanted in elements:
        return elements[wanted]
    for element in elements.values():
        if str(element.id) == wanted:
            return element
    own = private.find(wanted, organization_id) if organization_id is not None else None
    if own is None:
        raise ElementNotFound(key_or_id)
    return own


def is_built_in(key: str) -> bool:
    """Whether everybody has the element of this key."""
    return key in built_in.elements()
