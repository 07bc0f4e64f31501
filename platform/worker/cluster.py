"""django-q2's cluster, stopped cleanly and mended after a kill.

What of django-q2 1.11 is changed here:

1. A SIGTERM to the whole process group (Ctrl-C under a process manager, systemd's default) killed
   the sentinel while the main process told it to stop, and that call then waited for ever. Here
   only the main process heeds SIGTERM; the sentinel passes it on to the others, whose turns then
   end early (worker.loops), and stops them in order.
2. A process that was killed while it waited at a queue kept that queue's lock for ever, and its
   fellows waited with it. Here a sudden death renews the queues and all who use them. What was in
   them comes back: a task is handed out again when its lock in the database ends.
3. A signal handler took locks that the code it interrupted might hold, such as itself, when two
   came in a row: that process then waited for ever. Here handlers only note that one came.
4. A stop waited for all that was at work, however long. Here what has not ended after STOP_WITHIN
   is killed, which costs what a kill -9 costs: a lease to wait for.
5. The sentinel asked the database itself, and waited with it. Here the keeper does (worker.keeper).
6. Any process that ends, however it ends, is replaced: the sentinel by the main process, the others
   by the sentinel.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import time
from contextlib import suppress
from multiprocessing.util import register_after_fork
from typing import Any

import psutil
import structlog
from django import db
from django_q import cluster
from django_q.conf import Conf
from django_q.queues import Queue

from worker import loops, orphan
from worker.board import Board
from worker.keeper import Keeper
from worker.turns import Turns

MAX_FILES = 16_384  # open files of a worker process, where the hard limit allows it
LOCK_TIMEOUT = 1.0  # seconds to wait for a worker to let go of its timer
STOP_WITHIN = 8.0  # seconds; Docker kills everything after ten, and turns need three (STOP_WITHIN)
LOOK_EVERY = 0.2  # seconds between two looks of the main process
LIVED = 2.0  # seconds; what ended sooner is not replaced before that
STUCK_KEEPER = 30.0  # seconds that the keeper may wait for one answer of the database
JOIN_WITHIN = 3.0  # seconds that the keeper may take to give its leases back

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
        self.board = Board(loops.NAMES)
        loops.share(self.board)
        self.turns = Turns(self.board, self.spawn_process, self.timeout)
        self.keeper: Any = None
        super().start()

    def guard(self) -> None:
        self.start_event.set()
        while True:
            if any(_was_killed(process) for process in (*self.pool, self.monitor, self.pusher)):
                self._renew()
            self._replace_ended()
            for worker in (*self.pool, *(one.process for one in self.turns.workers)):
                self._kill_overdue(worker)
            self.turns.step()
            if self.stop_event.wait(Conf.GUARD_CYCLE) or orphan.is_orphan():
                break
        self.stop()

    def _replace_ended(self) -> None:
        for worker in list(self.pool):
            if not worker.is_alive() and self._may_replace(worker):
                self.reincarnate(worker)
        for process in (self.monitor, self.pusher):
            if not process.is_alive() and self._may_replace(process):
                self.reincarnate(process)
        if self.keeper is not None and self._is_stuck(self.keeper):
            log.warning("worker.keeper_stuck", seconds=STUCK_KEEPER)
            self.keeper.kill()
            self.keeper.join()
        if self.keeper is None or (not self.keeper.is_alive() and self._may_replace(self.keeper)):
            self.keeper = self.spawn_process(self._keep)

    def spawn_process(self, target: Any, *args: Any) -> Any:
        process = super().spawn_process(target, *args)
        process.born = time.monotonic()
        return process

    def _may_replace(self, process: Any) -> bool:
        """What ends as soon as it begins is not begun a hundred times a second."""
        return time.monotonic() - float(process.born) >= LIVED

    def _is_stuck(self, keeper: Any) -> bool:
        since = max(self.board.keeper_looked_at, keeper.born)
        alive: bool = keeper.is_alive()
        return alive and time.monotonic() - since > STUCK_KEEPER

    def _keep(self) -> None:
        """Be the keeper's process."""
        heed_sigterm()
        name = f"{socket.gethostname()[:150]} {self.parent_pid} {self.cluster_id.hex[:8]}"
        Keeper(self.board, name, self._processes).run()

    def _processes(self) -> int:
        sentinel = psutil.Process(self.pid)
        return len(sentinel.children())

    def _kill_overdue(self, worker: Any) -> None:
        """Count down the time of a worker's task, and kill the worker when it is over."""
        if not worker.is_alive() or not worker.timer.get_lock().acquire(timeout=LOCK_TIMEOUT):
            return
        try:
            if worker.timer.value > 0:
                worker.timer.value = max(worker.timer.value - Conf.GUARD_CYCLE, 0)
            overdue = worker.timer.value == 0
        finally:
            worker.timer.get_lock().release()
        if overdue:
            worker.kill()  # and the next look finds it killed

    def stop(self) -> None:
        for process in (*self.pool, self.keeper, *(one.process for one in self.turns.workers)):
            with suppress(ProcessLookupError, AttributeError):
                os.kill(process.pid, signal.SIGTERM)
        for one in self.turns.workers:
            one.end()
        super().stop()
        for one in self.turns.workers:
            one.process.join()
        if self.keeper is not None:
            self.keeper.join(JOIN_WITHIN)

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
        """Keep a sentinel alive, and return when a signal has come and the processes have ended."""
        while not self._told_to_stop:
            if not self.sentinel.is_alive():
                log.error("worker.sentinel_died", exit=self.sentinel.exitcode)
                self._start_again()
            time.sleep(LOOK_EVERY)
        self.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _start_again(self) -> None:
        """The processes of the one that died end by themselves: worker.orphan."""
        time.sleep(LIVED)
        if self._told_to_stop:
            return
        try:
            self.start()
        except RuntimeError as error:  # it died before it began; the next look tries again
            log.error("worker.sentinel_not_started", error=str(error))

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
    """In a new worker process: a loop holds many sockets, more than the usual soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def heed_sigterm(**_: Any) -> None:
    """In a new worker process: SIGTERM asks the running turn to end, and nothing more."""
    signal.signal(signal.SIGTERM, lambda *_: loops.stop())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
