"""django-q2's cluster, stopped cleanly and mended after a kill.

Three things of django-q2 1.11 are changed here, two of them since its processes share locks that
the kernel does not free when their holder is killed.

1. A SIGTERM to the whole process group (Ctrl-C under a process manager, systemd's default) killed
   the sentinel while the main process told it to stop, and that call then waited for ever. Here
   only the main process heeds SIGTERM; the sentinel passes it on to the workers, whose lines then
   end early (worker.line), and stops them in order.
2. A process that was killed while it waited at a queue kept that queue's lock for ever, and its
   fellows waited with it. Here a sudden death renews the queues and all who use them. What was in
   them is lost, which changes nothing: a task only says "look for work".
"""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from multiprocessing.util import register_after_fork
from typing import Any

import structlog
from django import db
from django_q import cluster
from django_q.conf import Conf
from django_q.management.commands import qcluster
from django_q.queues import Queue
from django_q.scheduler import scheduler
from django_q.status import Stat

from worker import line, orphan

SCHEDULE_EVERY = 30.0  # seconds between two looks at the schedules
MOST_FILES = 16_384  # open files of a worker process, where the hard limit allows it
LOCK_TIMEOUT = 1.0  # seconds to wait for a worker to let go of its timer

log = structlog.get_logger()


class Sentinel(cluster.Sentinel):
    """Guards the workers; see the module."""

    pool: list[Any]
    pusher: Any
    monitor: Any

    def start(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # children inherit it
        register_after_fork(self, orphan.end_with_parent)
        super().start()

    def guard(self) -> None:
        self.start_event.set()
        to_schedule = 0.0
        while True:
            if any(_was_killed(process) for process in (*self.pool, self.monitor, self.pusher)):
                self._renew()
            for worker in list(self.pool):
                self._watch(worker)
            to_schedule += Conf.GUARD_CYCLE
            if to_schedule >= SCHEDULE_EVERY and Conf.SCHEDULER:
                to_schedule = 0.0
                scheduler(broker=self.broker)
            Stat(self).save()
            if self.stop_event.wait(Conf.GUARD_CYCLE) or orphan.is_orphan():
                break
        self.stop()

    def _watch(self, worker: Any) -> None:
        """Replaces a worker that has ended, and counts down the time of its task."""
        if not worker.is_alive():
            self.reincarnate(worker)
        elif worker.timer.get_lock().acquire(timeout=LOCK_TIMEOUT):
            try:
                if worker.timer.value > 0:
                    worker.timer.value = max(worker.timer.value - Conf.GUARD_CYCLE, 0)
                overdue = worker.timer.value == 0
            finally:
                worker.timer.get_lock().release()
            if overdue:
                worker.kill()  # and the next look finds it killed

    def stop(self) -> None:
        for process in self.pool:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        super().stop()

    def _renew(self) -> None:
        log.warning("worker.renewed", reason="one of its processes was killed")
        for process in (*self.pool, self.monitor, self.pusher):
            process.kill()
            process.join()
        self.task_queue = Queue(maxsize=Conf.QUEUE_LIMIT) if Conf.QUEUE_LIMIT else Queue()
        self.result_queue = Queue()
        db.connections.close_all()  # children must not inherit one
        self.spawn_cluster()
        self.reincarnations += 1


class Cluster(cluster.Cluster):
    """The main process; see the module."""

    def sig_handler(self, signum: int, frame: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        super().sig_handler(signum, frame)


def _was_killed(process: Any) -> bool:
    return process.exitcode is not None and process.exitcode < 0


def install() -> None:
    """Makes django-q2's command use the two classes above."""
    cluster.Sentinel = Sentinel
    qcluster.Cluster = Cluster


def raise_file_limit(**_: Any) -> None:
    """In a new worker process: a line holds many sockets, more than the usual soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def end_lines_on_sigterm(**_: Any) -> None:
    """In a new worker process: SIGTERM asks the running line to end, and nothing more."""
    signal.signal(signal.SIGTERM, lambda *_: line.stop())
