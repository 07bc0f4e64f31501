"""django-q2's cluster, stopped cleanly and mended after a kill.

Four things of django-q2 1.11 are changed here, most of them since its processes share locks that
the kernel does not free when their holder is killed.

1. A SIGTERM to the whole process group (Ctrl-C under a process manager, systemd's default) killed
   the sentinel while the main process told it to stop, and that call then waited for ever. Here
   only the main process heeds SIGTERM; the sentinel passes it on to the workers, whose lines then
   end early (worker.line), and stops them in order.
2. A process that was killed while it waited at a queue kept that queue's lock for ever, and its
   fellows waited with it. Here a sudden death renews the queues and all who use them. What was in
   them is lost, which changes nothing: a task only says "look for work".
3. A signal handler took locks that the code it interrupted might hold, such as itself, when two
   came in a row: that process then waited for ever. Here handlers only note that one came.
4. A stop waited for all that was at work, however long. Here what has not ended after STOP_WITHIN
   is killed, which costs what a kill -9 costs: a lease to wait for.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.util import register_after_fork
from typing import Any

import psutil
import structlog
from django import db
from django.utils import timezone
from django_q import cluster
from django_q.conf import Conf
from django_q.queues import Queue
from django_q.scheduler import scheduler
from django_q.status import Stat

from worker import heartbeat, line, orphan

SCHEDULE_EVERY = 30.0  # seconds between two looks at the schedules
MOST_FILES = 16_384  # open files of a worker process, where the hard limit allows it
LOCK_TIMEOUT = 1.0  # seconds to wait for a worker to let go of its timer
STOP_WITHIN = 8.0  # seconds; Docker kills everything after ten, and lines need three (STOP_WITHIN)
LOOK_EVERY = 0.2  # seconds between two looks of the main process

log = structlog.get_logger()


class Sentinel(cluster.Sentinel):
    """Guards the workers; see the module."""

    pool: list[Any]
    pusher: Any
    monitor: Any

    def start(self) -> None:
        # Children inherit it. Not ignored: what comes before a worker can heed it waits for that.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        register_after_fork(self, orphan.end_with_parent)
        super().start()

    def guard(self) -> None:
        self.start_event.set()
        self._beat()
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
                self._beat()
            Stat(self).save()
            if self.stop_event.wait(Conf.GUARD_CYCLE) or orphan.is_orphan():
                break
        self.stop()

    def _beat(self) -> None:
        """A database that is away stops no worker: the next beat comes."""
        try:
            heartbeat.beat(len(self.pool), timezone.now())
        except db.Error as error:
            log.warning("worker.no_heartbeat", error=str(error))
        finally:
            db.connections.close_all()  # children must not inherit one

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

    sentinel: Any
    _told_to_stop = False

    def sig_handler(self, signum: int, frame: Any) -> None:
        """Notes that a signal came, and sees to the end in any case."""
        if not self._told_to_stop:
            self._told_to_stop = True
            signal.signal(signal.SIGALRM, self._end_by_force)
            signal.setitimer(signal.ITIMER_REAL, STOP_WITHIN)

    def stay(self) -> None:
        """Returns when the processes have ended, by themselves or because a signal came."""
        while self.sentinel.is_alive() and not self._told_to_stop:
            time.sleep(LOOK_EVERY)
        self.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _end_by_force(self, signum: int, frame: Any) -> None:
        """Kills what is left, the sentinel first: it would start others in place of the killed."""
        if self.sentinel is not None and self.sentinel.is_alive():
            sentinel = psutil.Process(self.sentinel.pid)
            for process in (sentinel, *sentinel.children()):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        log.warning("worker.ended_by_force", after_seconds=STOP_WITHIN)
        sys.exit(1)


def _was_killed(process: Any) -> bool:
    return process.exitcode is not None and process.exitcode < 0


def install() -> None:
    """Makes django-q2 start its processes by the sentinel above."""
    cluster.Sentinel = Sentinel


def raise_file_limit(**_: Any) -> None:
    """In a new worker process: a line holds many sockets, more than the usual soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def end_lines_on_sigterm(**_: Any) -> None:
    """In a new worker process: SIGTERM asks the running line to end, and nothing more."""
    signal.signal(signal.SIGTERM, lambda *_: line.stop())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
