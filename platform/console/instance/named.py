"""The instances that a person means by what was typed into a filter."""

from __future__ import annotations

from accounts.reach import Reach
from console.paging import number
from instances.models import ElementInstance

MOST = 200  # that a part of a name may stand for
LONGEST_NAME = 200  # characters


def named(reach: Reach, text: str) -> list[int]:
    """The ids of those with this text in their name, or the id that it is.

    An id is not looked up, so that what was done with an instance stays found when it is deleted:
    who uses it asks for rows within reach alone.
    """
    if (instance_id := number(text)) is not None:
        return [instance_id]
    found = reach.rows(ElementInstance).filter(name__icontains=text[:LONGEST_NAME])
    return list(found.order_by("pk").values_list("pk", flat=True)[:MOST])
