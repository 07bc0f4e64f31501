"""What a caller wants to see of a list: which records (`where`), in which order, which fields.

A condition that the operation takes itself, by a parameter called `where`, is the provider's
business. Any other is asked of each record here. Records are put in order only where all of them
are at hand: an order within one page would be none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ceql
from api.errors import BadRequest
from ceql import Condition
from elements.run import found_at
from elements.types import Operation

LONGEST_LIST = 2_000  # characters of `fields` and of `orderBy`


@dataclass(frozen=True, slots=True)
class Order:
    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """`condition` and `orders` are for us to do; None and empty where the provider does it."""

    condition: Condition | None = None
    orders: tuple[Order, ...] = ()
    fields: tuple[str, ...] = ()

    def wants(self, record: Mapping[str, Any]) -> bool:
        return self.condition is None or ceql.matches(self.condition, record)

    def ordered(self, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """By each order in turn; records that lack the field come last in either direction."""
        result = list(records)
        for order in reversed(self.orders):
            have = [one for one in result if found_at(one, order.field) is not None]
            lack = [one for one in result if found_at(one, order.field) is None]
            have.sort(key=lambda one: _rank(found_at(one, order.field)), reverse=order.descending)
            result = have + lack
        return result

    def shown(self, record: Any) -> Any:
        """The record with no other fields than those asked for; nested ones keep their place."""
        if not self.fields or not isinstance(record, dict):
            return record
        result: dict[str, Any] = {}
        for name in self.fields:
            if name in record:
                result[name] = record[name]
            elif (value := found_at(record, name)) is not None:
                *above, last = name.split(".")
                place = result
                for part in above:
                    below = place.get(part)
                    if not isinstance(below, dict) or below is record.get(part):
                        below = place[part] = dict(below) if isinstance(below, dict) else {}
                    place = below
                place[last] = value
        return result


def selection(query: Mapping[str, str], operation: Operation) -> Selection:
    """Raises BadRequest or ceql.WhereError naming the parameter."""
    own = {parameter.name for parameter in operation.parameters}
    where = query.get("where", "").strip()
    condition = ceql.parse(where) if where and "where" not in own else None
    if condition is not None and not operation.listing:
        raise BadRequest("where: this address answers one record, not a list")
    orders = _orders(query.get("orderBy", "")) if "orderBy" not in own else ()
    if orders and (operation.paging is not None or not operation.listing):
        raise BadRequest(
            "orderBy: the records come page by page in the provider's order, and cannot be put "
            "into another"
            if operation.listing
            else "orderBy: this address answers one record, not a list"
        )
    fields = _fields(query.get("fields", "")) if "fields" not in own else ()
    return Selection(condition, orders, fields)


def _orders(text: str) -> tuple[Order, ...]:
    orders = []
    for part in _parts("orderBy", text):
        name, _, direction = part.partition(" ")
        if direction.strip().lower() not in {"", "asc", "desc"}:
            raise BadRequest("orderBy: write a field, and asc or desc after it: name desc")
        orders.append(Order(name.strip("`"), direction.strip().lower() == "desc"))
    return tuple(orders)


def _fields(text: str) -> tuple[str, ...]:
    return tuple(part.strip("`") for part in _parts("fields", text))


def _parts(parameter: str, text: str) -> list[str]:
    if len(text) > LONGEST_LIST:
        raise BadRequest(f"{parameter}: longer than {LONGEST_LIST} characters")
    if not text.strip():
        return []
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise BadRequest(f"{parameter}: a name is missing beside a comma")
    return parts


def _rank(value: Any) -> tuple[int, Any]:
    """Values of different types in a fixed order among each other: numbers, texts, others."""
    if isinstance(value, bool):
        return (2, str(value))
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, str):
        return (1, value.casefold())
    return (3, json.dumps(value, sort_keys=True))
