"""A migration may neither break the version before it nor hold up who uses a table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from tests.upgrading import version_before
from tests.upgrading.version_before import ROOT
from upgrading.rolling import faults


def state() -> ProjectState:
    found = ProjectState()
    fields: list[tuple[str, Any]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=100)),
        ("note", models.TextField(null=True)),
        ("size", models.IntegerField(default=0)),
    ]
    found.add_model(ModelState("things", "Thing", fields))
    return found


def found(*steps: Operation, **more: Any) -> list[str]:
    made = type("M", (Migration,), {"operations": list(steps), **more})
    return faults(made("0002_change", "things"), state())


INDEX = models.Index(fields=["name"], name="thing_name")


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (operations.AddField("thing", "new", models.IntegerField(default=1)), "db_default"),
        (operations.AddField("thing", "new", models.TextField(null=True, unique=True)), "index"),
        (operations.RemoveField("thing", "note"), "state alone"),
        (operations.DeleteModel("thing"), "state alone"),
        (operations.RenameField("thing", "note", "remark"), "old name"),
        (operations.RenameModel("thing", "object"), "old name"),
        (operations.AddIndex("thing", INDEX), "AddIndexConcurrently"),
        (operations.AlterField("thing", "size", models.BigIntegerField()), "rewrites the table"),
        (operations.AlterField("thing", "name", models.CharField(max_length=50)), "rewrites"),
        (operations.AlterField("thing", "note", models.TextField()), "stores NULL"),
        (operations.RunSQL("LOCK TABLE things_thing"), "cannot be judged"),
        (
            operations.AddConstraint(
                "thing", models.CheckConstraint(condition=models.Q(size__gt=0), name="c")
            ),
            "AddConstraintNotValid",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_breaks_or_locks_is_refused(operation: Operation, why: str) -> None:
    [fault] = found(operation)
    assert fault.startswith("things.0002_change: ")
    assert why in fault
    assert found(operation, rolling="nobody uses the table yet") == []


@pytest.mark.parametrize(
    "operation",
    [
        operations.AddField("thing", "new", models.IntegerField(db_default=1)),
        operations.AddField("thing", "new", models.IntegerField(null=True)),
        operations.AlterField("thing", "name", models.CharField(max_length=200)),
        operations.AlterField("thing", "name", models.TextField()),
        AddIndexConcurrently("thing", INDEX),
        operations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))]),
        operations.SeparateDatabaseAndState(
            state_operations=[operations.RemoveField("thing", "note")]
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_the_old_code_bears_is_let_through(operation: Operation) -> None:
    assert found(operation) == []


def test_a_table_that_is_made_just_now_is_nobodys_yet() -> None:
    made = operations.CreateModel("Other", [("id", models.BigAutoField(primary_key=True))])
    index = operations.AddIndex("other", models.Index(fields=["id"], name="other_id"))
    assert found(made, index) == []


def test_all_migrations_since_the_version_before_roll() -> None:
    known = set(version_before.files())
    loader = MigrationLoader(connection=None)
    wrong = []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        own = (ROOT / "platform" / app / "migrations" / f"{name}.py").exists()
        if own and f"platform/{app}/migrations/{name}.py" not in known and not migration.replaces:
            before = loader.project_state((app, name), at_end=False)
            wrong += faults(migration, before)
    assert wrong == []
