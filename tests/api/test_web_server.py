"""What gunicorn itself lets through, and how it refuses the rest."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.installation

PLATFORM = Path(__file__).resolve().parents[2] / "platform"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Our worker before an application that answers 200 to everything."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "--chdir", str(PLATFORM), "--no-control-socket",
            "--worker-class", "config.web_worker.Worker", "--bind", f"127.0.0.1:{port}",
            "wsgiref.simple_server:demo_app",
        ],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                requests.get(url, timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_long_where_clause_reaches_the_application(server: str) -> None:
    assert requests.get(server, params={"where": "a" * 100_000}, timeout=30).status_code == 200


def test_a_longer_address_is_refused_as_json(server: str) -> None:
    answer = requests.get(f"{server}/?where={'a' * 131_072}", timeout=30)
    assert answer.status_code == 414
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.json()["requestId"] == answer.headers["Elements-Request-Id"]
    assert "too large" in answer.json()["message"]


def test_what_is_no_request_is_refused_as_json(server: str) -> None:
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 400
        assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"


def test_who_believes_a_proxy_is_the_settings_and_not_the_server(server: str) -> None:
    """gunicorn believes one on this machine, and lets it name the root of the site."""
    forged = {"X-Forwarded-Proto": "https", "SCRIPT_NAME": "/elsewhere"}
    answer = requests.get(server, headers=forged, timeout=30).text
    assert "wsgi.url_scheme = 'http'" in answer
    assert "HTTP_X_FORWARDED_PROTO = 'https'" in answer
    assert "SCRIPT_NAME = ''" in answer
