"""`manage.py lost_secrets`"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from encryption.probe import every_unopened
from encryption.rotation import encrypted_columns
from instances.lost_secrets import mark_lost
from instances.models import Credential, ElementInstance


class Command(BaseCommand):
    help = (
        "Lists every stored secret that PERIODIC_ENCRYPTION_KEYS does not open. --reconnect marks "
        "the accounts that need them as lost, so that their owners are asked to connect them "
        "again: do that once you know that the key does not come back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reconnect", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        instances: set[int] = set()
        found: Counter[str] = Counter()
        for column in encrypted_columns():
            for pk, key in every_unopened(column):
                found[key] += 1
                self.stdout.write(f"{column.table} {pk} {column.name}: sealed with key {key}")
                if column.table == ElementInstance._meta.db_table:
                    instances.add(pk)
                elif column.table == Credential._meta.db_table:
                    owner = Credential.objects.filter(pk=pk).values_list("instance_id", flat=True)
                    instances.update(owner)
        if not found:
            self.stdout.write("Every stored secret opens.")
            return
        counts = ", ".join(f"{count} with key {key or '?'}" for key, count in found.items())
        self.stdout.write(f"{found.total()} secrets do not open: {counts}.")
        if options["reconnect"]:
            marked = sum(mark_lost(pk) for pk in sorted(instances))
            self.stdout.write(f"{marked} accounts are to be connected again.")
