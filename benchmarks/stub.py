"""A provider or receiver that costs next to nothing: a fixed answer after a fixed latency.

`python -m benchmarks.stub PORT LATENCY_SECONDS BODY` serves every request alike, in a process of
its own, so that what is measured is the client.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import requests

from demo.processes import ROOT, free_port


class Answerer(asyncio.Protocol):
    """Answers the HTTP/1.1 requests of a keep-alive connection, one after the other."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def answer(self, head: bytes, body: bytes) -> None:
        """Send the answer of one request, now or later."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server's always is
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + content_length(self._received[:end])
            if len(self._received) < whole:
                return
            request, self._received = self._received[:whole], self._received[whole:]
            self.answer(request[:end], request[end + 4 :])

    def send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


class FixedAnswer(Answerer):
    """Answers every request with the same bytes, after `latency` seconds."""

    def __init__(self, answer: bytes, latency: float) -> None:
        super().__init__()
        self._answer = answer
        self._latency = latency

    def answer(self, head: bytes, body: bytes) -> None:
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self.send, self._answer)
        else:
            self.send(self._answer)


def content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(lowered[at + 17 :].split(b"\r\n", 1)[0])


def http_200(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        + str(len(body)).encode()
        + b"\r\n\r\n"
        + body
    )


async def serve(port: int, answerer: Callable[[], Answerer]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(answerer, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def stub(latency: float, body: str) -> AbstractContextManager[str]:
    """Runs the stub in a process of its own; yields its address."""
    return serving("benchmarks.stub", str(latency), body)


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Runs a module with a port and `arguments` in a process of its own; yields its address."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", module, str(port), *arguments], cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 10
        while True:
            with suppress(requests.ConnectionError):
                with suppress(requests.ReadTimeout):  # a slow one listens all the same
                    requests.get(address, timeout=2)
                break
            if time.monotonic() > deadline:
                raise TimeoutError("the stub does not answer")
            time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    given, latency = http_200(sys.argv[3].encode()), float(sys.argv[2])
    asyncio.run(serve(int(sys.argv[1]), lambda: FixedAnswer(given, latency)))
