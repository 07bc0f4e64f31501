"""The queue of tasks, in the database and by the database's clock.

django-q2's pusher and monitor end at the first error of their broker; this one has none. Polling
and delivering need no queue: their turns never go through one.
"""

from __future__ import annotations

from time import sleep
from typing import Any

from django import db
from django.db import connection
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from config.given_postgres import trouble

PAUSE = 1.0  # seconds, after an error

ENQUEUE = """
INSERT INTO django_q_ormq (key, payload, lock) VALUES (%s, %s, clock_timestamp()) RETURNING id
"""
# A task whose worker has died is handed out again after RETRY seconds.
DEQUEUE = """
UPDATE django_q_ormq AS task
   SET lock = clock_timestamp() + %(retry)s * interval '1 second'
 WHERE id = (SELECT id FROM django_q_ormq
              WHERE key = %(key)s AND lock <= clock_timestamp()
              ORDER BY lock, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, payload
"""


class DatabaseBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's ORM broker with two statements of its own."""

    list_key: str

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        """Return the tasks, without asking the database whether it is there: a worker that begins
        before it waits for it."""
        return OrmQ.objects.using(Conf.ORM)

    def enqueue(self, task: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(ENQUEUE, [self.list_key, task])
            row: tuple[int] = cursor.fetchone()
        return row[0]

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Return the task that has waited longest, leased; None after a pause without one."""
        db.close_old_connections()
        try:
            with connection.cursor() as cursor:
                cursor.execute(DEQUEUE, {"key": self.list_key, "retry": Conf.RETRY})
                row: Any = cursor.fetchone()
        except db.Error as error:
            connection.close()
            trouble.tell("queue.not_read", error)
            sleep(PAUSE)
            return None
        if row is None:
            sleep(Conf.POLL)
            return None
        return [row]

    def delete(self, task_id: int) -> None:
        """Remove a task that has run. Where that fails it runs once more when its lock ends, which
        changes nothing."""
        try:
            super().delete(task_id)
        except db.Error as error:
            connection.close()
            trouble.tell("queue.not_written", error)
