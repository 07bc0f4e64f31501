"""A receiver that notes when the first byte of each callback came.

`python -m benchmarks.arrivals PORT`, a process of its own. GET /arrivals answers with the times, in
seconds since 1970, by webhook id, each as often as it came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks.stub import Answerer, http_200, serve

WEBHOOK_ID = b"\r\nwebhook-id: "
ANSWER = http_200(b"{}")

Times = dict[str, list[float]]


class Arrivals(Answerer):
    def __init__(self, times: Times) -> None:
        super().__init__()
        self._times = times
        self._first_byte_at = 0.0

    def data_received(self, data: bytes) -> None:
        if not self._received:
            self._first_byte_at = time.time()
        super().data_received(data)

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            self.send(http_200(json.dumps(self._times).encode()))
            return
        at = head.lower().index(WEBHOOK_ID) + len(WEBHOOK_ID)
        webhook_id = head[at:].partition(b"\r\n")[0].decode()
        self._times.setdefault(webhook_id, []).append(self._first_byte_at)
        self.send(ANSWER)


if __name__ == "__main__":
    everything: Times = {}
    asyncio.run(serve(int(sys.argv[1]), lambda: Arrivals(everything)))
