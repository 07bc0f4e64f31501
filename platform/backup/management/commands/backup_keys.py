"""`manage.py backup_keys`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backup import archive
from backup.errors import BackupError
from backup.management.commands.backup import known_passphrase
from backup.sealed_keys import open_keys


class Command(BaseCommand):
    help = (
        "Prints the encryption keys that a backup holds, as PERIODIC_ENCRYPTION_KEYS takes them. "
        "The passphrase is that of BACKUP_PASSPHRASE, and asked for where it is not set."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with archive.opened(options["file"].expanduser().absolute()) as file:
                if archive.KEYS not in file.namelist():
                    raise BackupError("the backup holds no encryption keys")
                keys = open_keys(file.read(archive.KEYS), known_passphrase())
        except BackupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(",".join(keys))
