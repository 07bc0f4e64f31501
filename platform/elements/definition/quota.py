"""Reads and writes the `quota` of a definition: how much its provider lets be asked of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from elements.definition.reading import Part
from elements.errors import ConfigurationError
from elements.types import Element
from elements.zones import is_region
from transport.types import Bucket, Quota

# What one request may cost of each limit: bulk jobs have half of them, and a sixteenth is set apart
# for polls. What costs more than there ever is would wait for ever.
PART_OF_LIMIT = 4
MOST_UNITS = 10**11  # a minute, or a day
LIMITS = ("minute", "day")


class Costs(NamedTuple):
    """Units of a request that says nothing of them, and the most that one may cost."""

    usual: int
    dearest: int


FREE = Costs(0, 0)


def quota(part: Part, *, element_id: int, base: Element | None) -> Quota | None:
    """None where the provider counts nothing. Raises ConfigurationError.

    One that extends another has its quota: both ask the same provider, who counts them together.
    """
    inherited = base.quota if base is not None else None
    if not part.value:
        return inherited
    read = Quota(
        # Its own, whatever it is called: nobody uses up what others are counted by.
        f"element {element_id}",
        account=_limits(part.part("account")),
        project=_limits(part.part("project")),
        day_zone=_zone(part),
    )
    if base is not None:
        if inherited is None or quota_json(read) != quota_json(inherited):
            raise ConfigurationError(part.path, f"is that of {base.key}, which is extended")
        return inherited
    if read.account == read.project == Bucket():
        part.refuse("account", "is missing: the units of a minute or a day, here or in project")
    return read


def costs_of(declared: Quota | None) -> Costs:
    if declared is None:
        return FREE
    limits = [
        units
        for bucket in (declared.account, declared.project)
        for units in (bucket.minute, bucket.day)
        if units
    ]
    return Costs(1, min(limits, default=MOST_UNITS) // PART_OF_LIMIT)


def units(part: Part, costs: Costs) -> int:
    """What one entry of `resources` costs. Raises ConfigurationError."""
    found = part.number("units", least=0, most=MOST_UNITS, default=costs.usual) or 0
    if found and costs == FREE:
        part.refuse("units", "means nothing without quota, which says how many units there are")
    if found > costs.dearest:
        part.refuse(
            "units",
            f"must be at most {costs.dearest}, a quarter of the smallest limit of quota",
        )
    return found


def quota_json(declared: Quota) -> dict[str, Any]:
    return {
        "account": _limits_json(declared.account),
        "project": _limits_json(declared.project),
        "dayZone": declared.day_zone,
    }


def _limits(part: Part) -> Bucket:
    minute, day = (
        part.number(name, least=PART_OF_LIMIT, most=MOST_UNITS, default=0) or 0 for name in LIMITS
    )
    return Bucket(minute, day)


def _limits_json(bucket: Bucket) -> dict[str, int]:
    return {name: getattr(bucket, name) for name in LIMITS if getattr(bucket, name)}


def _zone(part: Part) -> str:
    name = part.text("dayZone", default="UTC") or "UTC"
    if not is_region(name):
        part.refuse("dayZone", "must be a region such as America/Los_Angeles, or UTC")
    return name
