"""Finds every element there is: those that everybody has, and an organization's own."""

from __future__ import annotations

from elements import built_in, private
from elements.built_in import BrokenElementError, address
from elements.errors import ElementNotFound
from elements.types import Element

__all__ = ["BrokenElementError", "address", "all_elements", "find", "is_built_in"]


def all_elements(
    organization_id: int | None = None, account_id: int | None = None
) -> tuple[Element, ...]:
    """Every element, by key, those private to the organization last. Raises BrokenElementError.

    With an account only those of the private ones that are its own, or shared with it.
    """
    own = private.all_of(organization_id, account_id) if organization_id is not None else ()
    return (*built_in.elements().values(), *own)


def find(
    key_or_id: str | int, organization_id: int | None = None, account_id: int | None = None
) -> Element:
    """An element that everybody has, or a private one of the organization (which is a query).

    With an account: that is its own, or shared with it. Raises ElementNotFound, also for another
    organization's.
    """
    elements = built_in.elements()
    wanted = str(key_or_id).strip()
    if wanted in elements:
        return elements[wanted]
    for element in elements.values():
        if str(element.id) == wanted:
            return element
    own = None
    if organization_id is not None:
        own = private.find(wanted, organization_id, account_id)
    if own is None:
        raise ElementNotFound(key_or_id)
    return own


def is_built_in(key: str) -> bool:
    """Whether everybody has the element of this key."""
    return key in built_in.elements()
