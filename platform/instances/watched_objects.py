"""`event.objects`: which objects an instance tells of. Without it, of all."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from api.errors import BadRequest

OBJECTS = "event.objects"


def watched(values: Mapping[str, str]) -> frozenset[str]:
    """Return the names in lower case; empty: all objects are told of."""
    names = values.get(OBJECTS, "").replace("\n", ",").split(",")
    return frozenset(name.strip().casefold() for name in names if name.strip())


def is_watched(name: str, names: Collection[str]) -> bool:
    """Return whether `watched` has the object, or none at all."""
    return not names or name.casefold() in names


def require_polled(values: Mapping[str, str], polled: Collection[str]) -> None:
    """Raise BadRequest for an object that is none of the polled ones."""
    unknown = watched(values) - {name.casefold() for name in polled}
    if unknown:
        raise BadRequest(
            f"{OBJECTS}: {min(unknown)[:100]} is not in event.poller.configuration, which has "
            f"{', '.join(polled)}"
        )
