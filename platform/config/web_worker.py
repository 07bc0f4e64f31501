"""gunicorn's worker, with the API's words for what never becomes a request of Django's.

`gunicorn --chdir platform --worker-class config.web_worker.Worker config.wsgi`
"""

from __future__ import annotations

import json
import logging
import secrets
import selectors
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.conf import settings
from gunicorn import util
from gunicorn.http import message
from gunicorn.workers.gthread import ThreadWorker

from transport import waiting

LONGEST_LINE = 131_072  # bytes of a request's first line; gunicorn's own most is 8190
# How a request begins that asks whether this process answers.
LIVE = b"GET /health/live "
log = logging.getLogger("gunicorn.error")


def refuse(sock: socket.socket, status: int, reason: str, why: str) -> None:
    """Answers as every error of the API is answered. In place of gunicorn's page of HTML."""
    request_id = secrets.token_hex(12)
    log.warning("refused unread: %d %s, request %s", status, reason, request_id)
    body = json.dumps({"requestId": request_id, "message": why or reason}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json;charset=UTF-8\r\n"
        f"Elements-Request-Id: {request_id}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Reads addresses that hold where-clauses of the length that is allowed, and more: that one
    is too long is then said by whoever reads it.

    What a proxy says of its client is believed by the settings BEHIND_TLS_PROXY and PROXIES
    alone. gunicorn would believe a proxy on this machine, and no other, whatever they say.
    """

    _busy = 0  # requests that hold a thread, or wait for one; the main thread counts

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._spare = ThreadPoolExecutor(1)
        message.MAX_REQUEST_LINE = LONGEST_LINE
        self.cfg.set("limit_request_line", LONGEST_LINE)
        self.cfg.set("secure_scheme_headers", {})
        self.cfg.set("forwarder_headers", "")
        util.write_error = refuse

    def init_process(self) -> None:
        waiting.SHARES.capacity = waiting.capacity(self.cfg.threads)
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Submit a request to gunicorn's threads, and LIVE to a spare one while all are taken.

        A database that hangs takes all of them until the first has waited for as long as it may.
        What asks nothing of it must not wait, or the whole process is taken for dead.
        """
        pool = self.tpool
        if self._busy >= self.cfg.threads:
            if not conn.data_ready and not conn.initialized:
                self._wait_for_first_bytes(conn)
                return
            if _peek(conn.sock) == LIVE:
                pool = self._spare
        self._busy += 1
        pool.submit(self.handle, conn).add_done_callback(
            lambda done: self.method_queue.defer(self._handled, conn, done)
        )

    def _handled(self, conn: Any, done: Any) -> None:
        self._busy -= 1
        self.finish_request(conn, done)

    def _wait_for_first_bytes(self, conn: Any) -> None:
        """Have `enqueue_req` called again once there are some, as gunicorn does after a while."""
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(
            conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )

    def load_wsgi(self) -> None:
        super().load_wsgi()
        if settings.configured:  # else it serves an application of somebody else's
            from config import starting

            # Beside the start: a database that hangs must not hold it up.
            threading.Thread(target=starting.announce, daemon=True).start()
            threading.Thread(target=say_what_does_not_open, daemon=True).start()


def _peek(sock: socket.socket) -> bytes:
    """The first bytes that wait to be read, as many as LIVE has."""
    try:
        return sock.recv(len(LIVE), socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""


def say_what_does_not_open() -> None:
    """Log where stored secrets do not open with the keys at hand."""
    from django.db import connection

    from encryption import probe  # Django is set up by now, and was not when this was imported

    try:
        probe.say()
    finally:
        connection.close()
