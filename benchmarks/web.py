"""The product's web server, as the Procfile starts it, on the database in use."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import requests
from django.db import connection

from demo.processes import ROOT, free_port, procfile

NO_LIMIT = "1000000000"  # requests a minute: counted, and never reached


@contextmanager
def web_server(**environment: str) -> Iterator[str]:
    """Yields the address of the API; the bare view is at /bare below it."""
    port = free_port()
    process = subprocess.Popen(  # noqa: S602 - our own Procfile, which is written for a shell
        procfile()["web"],
        shell=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={
            **os.environ,
            "PORT": str(port),
            "GUNICORN_CMD_ARGS": "--log-level warning",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "benchmarks.web_settings",
            **{
                f"THROTTLE_{whom}": NO_LIMIT
                for whom in ("USER", "ORGANIZATION", "ADDRESS", "REFUSALS")
            },
            **environment,
        },
    )
    api = f"http://127.0.0.1:{port}/elements/api-v2"
    try:
        _wait_for(f"{api}/bare", process)
        yield api
    finally:
        process.terminate()
        process.wait(20)


def database_url() -> str:
    given = connection.get_connection_params()
    host = quote(str(given["host"]), safe="")
    return f"postgresql://{given['user']}@/{given['dbname']}?host={host}&port={given['port']}"


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url, timeout=30).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError("the web server does not answer")
