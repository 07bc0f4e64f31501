"""Databases to back up and to restore into: of the server in use, and of an older one."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests import database
from tests.backup.older_server import OlderServer

ROOT = Path(__file__).resolve().parent.parent.parent
Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def older_server() -> Iterator[OlderServer]:
    """PostgreSQL 15 of the operating system, with one empty database a call."""
    with OlderServer.running() as server:
        yield server


@pytest.fixture
def empty_database(transactional_db: None) -> Iterator[str]:
    """The URL of an empty database on the server in use."""
    name = f"restored_{secrets.token_hex(6)}"
    parameters = {**connection.get_connection_params(), "dbname": "postgres"}
    given = {key: parameters[key] for key in ("host", "port", "user", "dbname")}
    with closing(psycopg.connect(**given, autocommit=True)) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield database.url_of(name)
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def manage(process_environment: dict[str, str]) -> Manage:
    """Runs a command of manage.py on the test's database, or on that of `url`."""

    def run(*arguments: str, url: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**process_environment, **more}
        if url:
            environment["DATABASE_URL"] = url
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    return run
