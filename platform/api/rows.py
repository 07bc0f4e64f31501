"""Models read by statements of our own, where building the statement would cost more than it.

Django writes a query's SQL anew each time, which for a row of three tables takes several times as
long as PostgreSQL takes to answer. What every request asks is therefore written once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from django.db import connection
from django.db.models import Model
from django.db.models.base import ModelState

if TYPE_CHECKING:
    from config.given_postgres.base import DatabaseWrapper

Row = TypeVar("Row", bound=Model)


class Columns(Generic[Row]):
    """The columns of a model's table, known in a statement by `alias`.

    `sql` goes into the SELECT list; `read` makes the model of what stands there in an answer.
    Fields that are left out by `without` are read by a query of their own if they are looked at.
    """

    def __init__(self, model: type[Row], alias: str, without: Collection[str] = ()) -> None:
        self._model = model
        self._fields = [
            field for field in model._meta.local_concrete_fields if field.name not in without
        ]
        self._names = [field.attname for field in self._fields]
        self._converted = [
            (place, field.from_db_value)
            for place, field in enumerate(self._fields)
            if hasattr(field, "from_db_value")
        ]
        self._key = next(place for place, field in enumerate(self._fields) if field.primary_key)
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def read(self, values: Sequence[Any]) -> Row | None:
        """The model; None where an outer join found no row."""
        if values[self._key] is None:
            return None
        own = list(values)
        for place, convert in self._converted:
            own[place] = convert(own[place], None, connection)
        # As Model.from_db does, in a quarter of the time: that goes through all fields one by one,
        # and sends two signals that nobody here listens to.
        row = self._model.__new__(self._model)
        row._state = ModelState()
        row._state.adding, row._state.db = False, connection.alias
        vars(row).update(zip(self._names, own, strict=True))
        return row


def one(statement: str, parameters: Sequence[Any], *columns: Columns[Any]) -> list[Any] | None:
    """A model for each of `columns`, of the first row that the statement finds; None without one.

    The statement selects the columns in this order and nothing else. PostgreSQL plans it once a
    connection where the backend's settings let it: it must be one of few, written beforehand.
    """
    row = cast("DatabaseWrapper", connection).first_row(statement, parameters)
    if row is None:
        return None
    found, start = [], 0
    for group in columns:
        found.append(group.read(row[start : start + len(group)]))
        start += len(group)
    return found


def relate(row: Model, name: str, related: Model | None) -> None:
    """Lets the row's relation be answered without a query."""
    row._meta.get_field(name).set_cached_value(row, related)  # type: ignore[union-attr]
