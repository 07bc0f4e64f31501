"""Which migrations break the code of the version before, or hold up everybody who uses a table.

While an upgrade rolls, the old code runs beside the new schema. The rules are those of
https://www.postgresql.org/docs/current/sql-altertable.html for locks, and follow for old code from
what its statements name: every column that it knows, and none that it does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

REASON = "rolling"  # of a Migration: why what these rules refuse is safe in it
SAFE = (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
    operations.AlterModelManagers,
    operations.AlterModelOptions,
    operations.CreateModel,
)


def faults(migration: Migration, before: ProjectState) -> list[str]:
    """Return what is wrong with a migration, a sentence each. `before` is the state it begins with.

    A migration that says in `rolling` why it is safe all the same has none.
    """
    if getattr(migration, REASON, ""):
        return []
    state, found, made = before.clone(), [], set()
    for operation in migration.operations:
        if isinstance(operation, operations.CreateModel):
            made.add(operation.name.lower())
        of = str(getattr(operation, "model_name", "")).lower()
        if of not in made:  # nobody uses a table that is made just now
            found += [
                f"{migration.app_label}.{migration.name}: {operation.describe()}: {why}"
                for why in _faults(operation, migration.app_label, state)
            ]
        operation.state_forwards(migration.app_label, state)
    return found


def _faults(operation: Operation, app: str, state: ProjectState) -> Iterator[str]:
    if isinstance(operation, SAFE):
        return
    if isinstance(operation, operations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from _faults(inner, app, state)
    elif isinstance(operation, operations.AddField):
        yield from _of_new_field(operation.field)
    elif isinstance(operation, operations.AlterField):
        yield from _of_changed_field(operation, app, state)
    elif isinstance(operation, operations.RemoveField | operations.DeleteModel):
        yield (
            "the old code still names it: take it out of the state alone "
            "(SeparateDatabaseAndState), and out of the database in the version after"
        )
    elif isinstance(
        operation, operations.RenameField | operations.RenameModel | operations.AlterModelTable
    ):
        yield "the old code knows the old name only: add the new one beside it, and copy"
    elif isinstance(operation, operations.AddIndex | operations.RemoveIndex):
        yield "locks the table for as long as it takes: use AddIndexConcurrently"
    elif isinstance(operation, operations.AddConstraint):
        yield (
            "reads the whole table under a lock: use AddConstraintNotValid and ValidateConstraint, "
            "or for a unique one an index that was made concurrently"
        )
    elif isinstance(operation, operations.RemoveConstraint | operations.AlterConstraint):
        return
    else:
        yield f"cannot be judged: say in `{REASON}` of the migration why it is safe"


def _of_new_field(field: models.Field) -> Iterator[str]:  # type: ignore[type-arg]
    if not field.null and field.db_default is NOT_PROVIDED and not field.many_to_many:
        yield "the old code inserts rows without it: give it a db_default, or null=True"
    if _is_indexed(field):
        yield "its index locks the table: add the field without, and the index concurrently"


def _of_changed_field(
    operation: operations.AlterField, app: str, state: ProjectState
) -> Iterator[str]:
    before = state.models[app, operation.model_name.lower()].fields[operation.name]
    after = operation.field
    changed = state.clone()
    operation.state_forwards(app, changed)
    old, new = (_type(one, app, operation) for one in (state, changed))
    grows = (
        isinstance(before, models.CharField)
        and isinstance(after, models.CharField | models.TextField)
        and (after.max_length is None or after.max_length >= (before.max_length or 0))
    )
    if old != new and not grows:
        yield f"rewrites the table, from {old} to {new}: add a column beside it, and copy"
    if before.null and not after.null:
        yield "the old code stores NULL, and all rows are read under a lock"
    if (after.unique and not before.unique) or (_is_indexed(after) and not _is_indexed(before)):
        yield "its index locks the table: make the index concurrently"


def _type(state: ProjectState, app: str, operation: operations.AlterField) -> str | None:
    """Return the column's type in PostgreSQL; that of a foreign key is its target's."""
    model = state.apps.get_model(app, operation.model_name)
    found: str | None = model._meta.get_field(operation.name).db_type(connection)
    return found


def _is_indexed(field: models.Field) -> bool:  # type: ignore[type-arg]
    return bool(field.unique or getattr(field, "db_index", False))
