"""What the nginx of deploy/nginx.conf writes down of a request."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from config.logs import IN_PATH
from tests import debian_programs

SITE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
KEY = "k3yOfAnInbox-0123456789_abcdef"
MAIN = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream periodic {{ server 127.0.0.1:1; }}
    include {folder}/site.conf;
}}
"""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of an nginx with the site, without TLS, and its log."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, unused = one.getsockname()[1], other.getsockname()[1]
    plain, encrypted = SITE.read_text().split("listen 80 default_server;")
    site = f"{plain}listen 127.0.0.1:{unused};{encrypted}"
    site = re.sub(r"listen 443 [^;]*;", f"listen 127.0.0.1:{port};", site)
    site = re.sub(r"\n *(listen \[::\]|ssl_)[^;]*;", "", site)
    log = tmp_path / "access.log"
    (tmp_path / "site.conf").write_text(site.replace("/var/log/nginx", str(tmp_path)))
    (tmp_path / "nginx.conf").write_text(MAIN.format(folder=tmp_path))
    program = debian_programs.require("nginx")
    command = [program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    process = subprocess.Popen(command, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 20
        while True:
            with suppress(requests.ConnectionError):
                requests.get(f"{address}/metrics", timeout=5)
                break
            assert time.monotonic() < until, "nginx did not begin"
            time.sleep(0.05)
        yield address, log
    finally:
        os.killpg(process.pid, signal.SIGQUIT)
        process.wait(20)


@pytest.mark.parametrize(
    "path",
    [
        f"/elements/api-v2/inbox/{KEY}",
        f"/reconnect/{KEY}",
        f"/password/Nw/{KEY}/",
        f"/verify-address/{KEY}",
        f"/elements/api-v2/events/ledger/unsigned/{KEY}",
        f"/elements/api-v2/events/a%2Fb/UNSIGNED/{KEY}",
        f"/elements/api-v2/oauth/callback?code={KEY}",
    ],
)
def test_keys_in_addresses_are_left_out(nginx: tuple[str, Path], path: str) -> None:
    address, log = nginx
    answer = requests.get(address + path, headers={"Referer": address + path}, timeout=5)
    assert answer.status_code == 502  # nobody is behind it
    line = _last(log)
    assert KEY not in line
    assert path.partition(KEY)[0].partition("?")[0] in line
    if "?" not in path:
        assert KEY not in IN_PATH.sub(r"\1", path)  # as in the logs of Periodic itself


def test_other_addresses_are_logged_as_they_are(nginx: tuple[str, Path]) -> None:
    address, log = nginx
    requests.get(f"{address}/elements/api-v2/instances/12345678901234567890?where=a", timeout=5)
    assert '"GET /elements/api-v2/instances/12345678901234567890 HTTP/1.1" 502' in _last(log)


@pytest.mark.parametrize(
    ("size", "status"),
    [pytest.param(10, 502, id="error"), pytest.param(100_000, 500, id="crit")],
)
def test_the_log_of_errors_names_no_address(
    nginx: tuple[str, Path], size: int, status: int
) -> None:
    """It is written in nginx's own format, with the request's line and the page it came from."""
    address, log = nginx
    (log.parent / "body").chmod(0)  # where nginx puts what does not fit into memory
    path = f"{address}/elements/api-v2/inbox/{KEY}"
    answer = requests.post(path, data=b"a" * size, headers={"Referer": path}, timeout=5)
    assert answer.status_code == status
    _last(log)
    assert KEY not in (log.parent / "error.log").read_text()


def test_the_log_tells_of_each_web_server_that_was_asked(nginx: tuple[str, Path]) -> None:
    """As the log of errors no longer does."""
    address, log = nginx
    requests.get(f"{address}/health/live", timeout=5)
    assert re.search(r'502 .* "127\.0\.0\.1:1" "502" "[\d.]+"$', _last(log))


def _last(log: Path) -> str:
    until = time.monotonic() + 10
    while not (lines := log.read_text().splitlines()) or "/metrics" in lines[-1]:
        assert time.monotonic() < until, "nothing is logged"
        time.sleep(0.05)
    return lines[-1]
