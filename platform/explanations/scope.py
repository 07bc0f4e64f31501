"""Of whose events and objects a caller may ask."""

from __future__ import annotations

from dataclasses import dataclass

from rest_framework.request import Request

from accounts.reach import Reach
from api.authentication import caller_of
from api.errors import NotFound
from api.fields import id_in_path
from instances.models import ElementInstance


@dataclass(frozen=True, slots=True)
class Scope:
    """All within a user's reach, or one instance of it."""

    reach: Reach
    instance_id: int | None = None


def scope_of(request: Request, instance_id: str | None) -> Scope:
    """What the path names, as far as it is the caller's; an Element token narrows it to its
    instance. Raises NotFound for an instance that isn't his."""
    caller = caller_of(request)
    own = caller.instance.pk if caller.instance is not None else None
    if instance_id is None:
        return Scope(caller.reach, own)
    key = id_in_path(instance_id)
    instances = caller.reach.rows(ElementInstance).filter(pk=key)
    if (not caller.organization_proven and key != own) or not instances.exists():
        raise NotFound(f"No element instance found with id {instance_id}")
    return Scope(caller.reach, key)
