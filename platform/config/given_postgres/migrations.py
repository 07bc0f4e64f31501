"""Which migrations of this version have not been applied to the database."""

from __future__ import annotations

from functools import cache

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

RUN = "run python manage.py migrate"
Key = tuple[str, str]  # an app's label and a migration's name


def pending() -> list[str]:
    """Return the names of those that are missing, `app.name`; all of them without tables.

    Raises Django's errors of the database. One statement, or two where nothing has been applied.
    """
    applied = set(MigrationRecorder(connections[DEFAULT_DB_ALIAS]).applied_migrations())
    return sorted(
        f"{app}.{name}"
        for (app, name), same in _shipped().items()
        if (app, name) not in applied and not (same and same <= applied)
    )


def advice() -> str | None:
    """Return what is missing with the command to run; None where nothing is.

    Raises Django's errors of the database.
    """
    missing = pending()
    if not missing:
        return None
    if len(missing) == len(_shipped()):
        return f"the database has no tables: {RUN}"
    if len(missing) == 1:
        return f"1 migration has not been applied ({missing[0]}): {RUN}"
    return f"{len(missing)} migrations have not been applied ({missing[0]} and others): {RUN}"


@cache
def _shipped() -> dict[Key, frozenset[Key]]:
    """All migrations of this version; for one that stands for others, those."""
    loader = MigrationLoader(None)
    return {key: frozenset(loader.disk_migrations[key].replaces) for key in loader.graph.nodes}
