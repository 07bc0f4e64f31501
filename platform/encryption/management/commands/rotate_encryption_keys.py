"""`manage.py rotate_encryption_keys`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from encryption.rotation import Outcome, encrypted_columns, rotate


class Command(BaseCommand):
    help = (
        "Seals every encrypted value under the newest key of PERIODIC_ENCRYPTION_KEYS. Safe while "
        "everything runs, and safe to kill and run again. In order: (1) give every process the "
        "new key as the LAST of the ring and restart; (2) make it the FIRST and restart; (3) run "
        "this; (4) take the old key out."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        total = Outcome()
        for column in encrypted_columns():
            before = total.sealed
            rotate(column, total)
            self.stdout.write(f"{column.table}.{column.name}: {total.sealed - before} sealed anew")
        for failure in total.failures:
            self.stderr.write(failure)
        if total.failures:
            raise CommandError(
                f"{len(total.failures)} values could not be sealed anew: keep the old keys in "
                "PERIODIC_ENCRYPTION_KEYS"
            )
        self.stdout.write("Every value is under the newest key: the older ones can go.")
