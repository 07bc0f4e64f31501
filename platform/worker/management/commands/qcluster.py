"""`manage.py qcluster`: django-q2's own command, with the cluster of worker.cluster."""

from __future__ import annotations

import os

from django.db import connection
from django_q.management.commands.qcluster import Command as DjangoQCommand

from encryption import probe
from worker import cluster


class Command(DjangoQCommand):
    def handle(
        self, *_: object, run_once: bool, cluster_name: str | None, **options: object
    ) -> None:
        if cluster_name:
            os.environ["Q_CLUSTER_NAME"] = cluster_name
        probe.say()
        connection.close()  # the processes that are made now have their own
        cluster.install()
        main = cluster.Cluster()
        main.start()
        if run_once:
            main.stop()
        else:
            main.stay()
