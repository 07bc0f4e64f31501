"""`manage.py backup`"""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backup.dump import back_up
from backup.errors import BackupError


class Command(BaseCommand):
    help = (
        "Writes a backup of the database into one file, while everything runs. --with-keys puts "
        "the encryption keys in as well, sealed with the passphrase of BACKUP_PASSPHRASE, which is "
        "asked for where it is not set."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--with-keys", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            passphrase = new_passphrase() if options["with_keys"] else None
            manifest = back_up(options["file"].expanduser().absolute(), passphrase)
        except BackupError as error:
            raise CommandError(str(error)) from error
        rows = sum(manifest.rows.values())
        self.stdout.write(
            f"{options['file']}: {rows} rows of {len(manifest.rows)} tables as of "
            f"{manifest.made_at}, from PostgreSQL {manifest.server_version}"
        )
        if manifest.unreadable_keys:
            self.stderr.write(
                f"Some secrets are sealed with the keys {', '.join(manifest.unreadable_keys)}, "
                "which PERIODIC_ENCRYPTION_KEYS does not have: nobody can read them"
            )
        if passphrase is None:
            self.stdout.write(
                f"It holds no encryption keys. Keep {', '.join(manifest.keys) or 'them'} apart "
                "from it, and safe: without them its secrets are lost"
            )


def new_passphrase() -> str:
    """That of BACKUP_PASSPHRASE, or one typed twice. Raises BackupError."""
    given = os.environ.get("BACKUP_PASSPHRASE", "")
    if given:
        return given
    typed = getpass.getpass("Passphrase: ")
    if typed != getpass.getpass("Again: "):
        raise BackupError("the two passphrases differ")
    return typed


def known_passphrase() -> str:
    return os.environ.get("BACKUP_PASSPHRASE", "") or getpass.getpass("Passphrase: ")
