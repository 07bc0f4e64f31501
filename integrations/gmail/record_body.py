"""Reads the JSON body of a record to be created or changed, by the fields its resource declares.

What is read only may be there, as clients send whole records back, and is left out of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from elements import fields
from elements.errors import ParameterError
from elements.types import Field, Parameter, Place

LONGEST_TEXT = 100_000  # characters; Gmail has limits of its own below it

Choices = Mapping[str, Sequence[str]]


def read(
    value: Any, declared: Iterable[Field], choices: Choices | None = None, *, partial: bool = False
) -> dict[str, Any]:
    """The writable fields of the body, each of its declared type.

    Only a `partial` body may lack required fields, and keeps those that are null. Raises
    ParameterError naming the field.
    """
    return _read(value, list(declared), choices or {}, "", partial=partial)


def parameters(declared: Iterable[Field], *, partial: bool = False) -> tuple[Parameter, ...]:
    """The body's fields as parameters, for those who read what an operation takes."""
    return tuple(
        Parameter(
            one.name,
            description=one.description,
            required=one.required and not partial,
            place=Place.BODY_FIELD,
            data_type=one.type,
        )
        for one in declared
        if not one.read_only
    )


def _read(
    value: Any, declared: list[Field], choices: Choices, at: str, *, partial: bool
) -> dict[str, Any]:
    below = at + "." if at else ""
    own = [one for one in declared if "." not in one.name.removeprefix(below)]
    names = [one.name.removeprefix(below) for one in own]
    given = fields.json_object(value, names, at=at)
    found: dict[str, Any] = {}
    for field, name in zip(own, names, strict=True):
        if given.get(name) is None:
            if field.required and not partial:
                raise ParameterError(field.name, "is missing")
            if name in given and partial and not field.read_only:
                found[name] = None
            continue
        if field.read_only:
            continue
        children = [one for one in declared if one.name.startswith(f"{field.name}.")]
        if children:
            found[name] = _read(given[name], children, choices, field.name, partial=partial)
        else:
            found[name] = _value(given, name, field, choices, at)
    return found


def _value(given: Mapping[str, Any], name: str, field: Field, choices: Choices, at: str) -> Any:
    if field.name in choices:
        return fields.choice(given, name, choices[field.name], at=at)
    if field.type == "boolean":
        return fields.flag(given, name, at=at)
    if field.type == "integer":
        return fields.whole_number(given, name, at=at)
    if field.type == "array":
        return fields.texts(given, name, at=at, most=1000)
    if field.type == "object":
        return fields.json_object(given[name], at=field.name)
    return fields.text(
        given, name, at=at, required=field.required, longest=LONGEST_TEXT, lines=True
    )
