"""Processes that use an embedded PostgreSQL, and a look at the servers that run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
USER = """
import sys
sys.path.insert(0, {platform!r})
from config.postgres.server import embedded_postgres
import psycopg
server = embedded_postgres({folder!r})
server.ensure_running("mine")
with psycopg.connect(**server.connection, dbname="mine") as connection:
    {work}
print("ready", flush=True)
{then}
"""
WAIT = "sys.stdin.read()"


def start(
    folder: Path, *, work: str = "pass", then: str = WAIT, root: Path = ROOT
) -> subprocess.Popen[str]:
    script = USER.format(platform=str(root / "platform"), folder=str(folder), work=work, then=then)
    environment = {**os.environ, "EMBEDDED_POSTGRES_FSYNC": "off"}
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment, start_new_session=True,
    )  # fmt: skip


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "ready\n", process.stderr.read()


def finish(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate("", timeout=60)
    assert process.returncode == 0, errors


def servers(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and str(folder / "data") in (process.info["cmdline"] or [])
    ]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
