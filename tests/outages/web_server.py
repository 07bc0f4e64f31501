"""The real gunicorn on a database that a test disturbs, and requests to it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


class WebServer:
    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._process = process

    def stop(self) -> None:
        """Tell it to stop, and wait until it has answered what it was asked before."""
        self._process.terminate()
        self._process.wait(PATIENCE)

    def get(self, path: str, secrets: str = "", session: str = "") -> requests.Response:
        headers = {"Authorization": secrets} if secrets else {}
        cookies = {"sessionid": session} if session else {}
        return requests.get(self.url + path, headers=headers, cookies=cookies, timeout=PATIENCE)

    def get_many(self, path: str, count: int, secrets: str = "") -> list[requests.Response]:
        """All of them at once."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: self.get(path, secrets), range(count)))

    def get_until(self, path: str, status: int, secrets: str = "") -> requests.Response:
        """Asks until the answer has this status. Raises AssertionError with the last one."""
        deadline = time.monotonic() + PATIENCE
        while (answer := self.get(path, secrets)).status_code != status:
            assert time.monotonic() < deadline, f"{path}: {answer.status_code} {answer.text}"
            time.sleep(0.1)
        return answer


@contextmanager
def web_server(
    environment: Mapping[str, str], threads: int = 4, code: Path = ROOT
) -> Iterator[WebServer]:
    """gunicorn with the code in a folder, once it answers /health/live."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "--chdir", str(code / "platform"),
            "--no-control-socket", "--worker-class", "config.web_worker.Worker",
            "--threads", str(threads), "--bind", f"127.0.0.1:{port}", "config.wsgi",
        ],
        cwd=code, env=dict(environment),
    )  # fmt: skip
    server = WebServer(f"http://127.0.0.1:{port}", process)
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                assert server.get("/health/live").status_code == 200
                break
            except requests.ConnectionError:
                assert process.poll() is None, "gunicorn ended"
                assert time.monotonic() < deadline, "gunicorn does not answer"
                time.sleep(0.1)
        yield server
    finally:
        server.stop()
