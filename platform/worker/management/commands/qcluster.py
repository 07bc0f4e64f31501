"""`manage.py qcluster`: django-q2's own command, with the cluster of worker.cluster."""

from __future__ import annotations

from django_q.management.commands.qcluster import Command as DjangoQCommand

from worker import cluster


class Command(DjangoQCommand):
    def handle(self, *args: object, **options: object) -> None:
        cluster.install()
        super().handle(*args, **options)
