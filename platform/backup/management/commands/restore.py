"""`manage.py restore`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from backup.errors import BackupError
from backup.restore import IDS_LEFT_OUT, restore


class Command(BaseCommand):
    help = (
        "Puts a backup into the database that DATABASE_URL names, or the embedded one: all of it, "
        "checked, or nothing. Stop web and workers first."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="lose what the database holds")
        parser.add_argument(
            "--without-keys", action="store_true", help="though its secrets cannot be opened"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = restore(
                options["file"].expanduser().absolute(),
                replace=options["replace"],
                without_keys=options["without_keys"],
            )
        except BackupError as error:
            raise CommandError(str(error)) from error
        rows = sum(manifest.rows.values())
        self.stdout.write(
            f"{rows} rows of {len(manifest.rows)} tables are as they were at {manifest.made_at}. "
            f"New ids leave {IDS_LEFT_OUT} out, so that none is given twice."
        )
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("It is of an earlier version: run manage.py migrate.")
        self.stdout.write("Start web and workers. docs/backup.md says what receivers see twice.")
