"""Seconds from a change in a mailbox to its callback, when a poll is asked for.

The real services, as `make up` starts them: web server, worker, sandbox. The receiver is a thread
of this process, so that both ends are read from one clock. The time begins before the sandbox is
told to deliver a mail and ends when the callback's body, signatures checked, is read.
"""

from __future__ import annotations

import io
import json
import queue
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median

from benchmarks.database import VAR
from demo import steps
from demo.processes import (
    SIGNATURE_KEY,
    Places,
    free_port,
    services,
)
from demo.receiver import legacy_signature_verifies, standard_signature_verifies
from integrations.gmail.sandbox.control_client import SandboxControl

TIMES, QUICK_TIMES = 50, 10
PATIENCE = 30.0  # seconds
PREPARATION = (
    steps.create_organization,
    steps.ask_for_the_redirect_url,
    steps.consent,
    steps.connect,
)

Arrivals = queue.SimpleQueue[tuple[float, set[str]]]


def run(*, quick: bool) -> dict[str, float]:
    places = Places(VAR / "services", free_port(), free_port(), free_port())
    places.var.mkdir(parents=True, exist_ok=True)
    with _receiver(places.receiver_port) as arrivals, services(places, without="receiver"):
        demo = steps.Demo(places, SandboxControl(places.sandbox))
        with redirect_stdout(io.StringIO()):
            for step in PREPARATION:
                step(demo)
        _once(demo, arrivals)  # the first opens connections and imports modules
        took = [_once(demo, arrivals) for _ in range(QUICK_TIMES if quick else TIMES)]
        with redirect_stdout(io.StringIO()):
            steps.disconnect(demo)
    return {
        "change_to_callback_median_s": median(took),
        "change_to_callback_worst_s": max(took),
        "change_to_callback_times": len(took),
    }


def _once(demo: steps.Demo, arrivals: Arrivals) -> float:
    time.sleep(random.uniform(0.1, 0.7))  # noqa: S311 - at no fixed phase of the worker's loops
    began = time.perf_counter()
    message_id = demo.control.deliver(subject="Measured")["id"]
    answer = demo.session.post(
        f"{demo.places.api}/instances/{demo.instance_id}/polls", timeout=PATIENCE
    )
    if answer.status_code not in {200, 409}:  # 409: the regular poll came first
        raise RuntimeError(f"POST …/polls answered {answer.status_code}: {answer.text[:300]}")
    while True:
        try:
            at, found = arrivals.get(timeout=PATIENCE)
        except queue.Empty:
            raise RuntimeError(f"no callback within {PATIENCE:.0f} s") from None
        if message_id in found:
            return at - began


@contextmanager
def _receiver(port: int) -> Iterator[Arrivals]:
    """Notes when which objects arrive."""
    arrivals: Arrivals = queue.SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if not (
                legacy_signature_verifies(SIGNATURE_KEY, headers, body)
                and standard_signature_verifies(SIGNATURE_KEY, headers, body)
            ):
                self.send_error(400)
                return
            at = time.perf_counter()
            events = json.loads(body)["message"]["events"]
            arrivals.put((at, {event["objectId"] for event in events}))
            self._answer()

        def _answer(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield arrivals
    finally:
        server.shutdown()
        server.server_close()
