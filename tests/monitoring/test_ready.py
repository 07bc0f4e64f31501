"""/health/ready says each thing that keeps the server from serving; /metrics is always text."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import InternalError, OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext
from psycopg import errors
from pytest_django import Settings

from monitoring import readiness
from tests.embedded_postgres.conftest import template  # noqa: F401 - a fixture
from tests.embedded_postgres.user_process import servers

ROOT = Path(__file__).resolve().parents[2]


# New databases need a checkpoint, which the server cannot make while its small disk is full.
pytestmark = [pytest.mark.installation, pytest.mark.xdist_group("full_disk")]


@pytest.fixture(autouse=True)
def _ask_again() -> Iterator[None]:
    readiness.forget()
    yield
    readiness.forget()


def faults() -> dict[str, str]:
    readiness.forget()
    answer = Client().get("/health/ready")
    body = answer.json()
    assert answer.status_code == (503 if body.get("faults") else 200)
    found: dict[str, str] = body.get("faults", {})
    return found


@pytest.mark.django_db
def test_all_is_well() -> None:
    assert faults() == {}


@pytest.mark.django_db
def test_missing_migrations_are_counted_with_what_to_run() -> None:
    rows = MigrationRecorder(connection).migration_qs
    rows.filter(app="events").order_by("-id")[:1].get().delete()
    assert faults()["migrations"].startswith("1 migration has not been applied (events.")
    assert "python manage.py migrate" in faults()["migrations"]
    rows.all().delete()
    assert faults() == {"migrations": "the database has no tables: run python manage.py migrate"}


@pytest.mark.django_db
def test_a_database_that_is_read_only() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    assert "read-only" in faults()["database"]


@pytest.mark.django_db
def test_the_probe_writes_to_disk() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {readiness.WRITE}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "temp read=" in plan
    assert "written=" in plan


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cause", "fault"),
    [
        (errors.DiskFull(), {"disk": "the database cannot write: its disk is full or fails"}),
        (errors.ConfigurationLimitExceeded(), {}),  # temp_file_limit says nothing of the disk
    ],
)
def test_a_disk_that_is_full(cause: psycopg.Error, fault: dict[str, str]) -> None:
    def fail(execute: object, sql: str, *_: object) -> object:
        if sql == readiness.WRITE:
            raise OperationalError("could not write block") from cause
        return execute(sql, *_)  # type: ignore[operator]

    with connection.execute_wrapper(fail):
        assert faults() == fault


@pytest.mark.django_db
def test_wrong_credentials_are_named_without_the_user() -> None:
    def fail(*_: object) -> object:
        raise OperationalError('password authentication failed for user "the user"')

    with connection.execute_wrapper(fail):
        found = faults()
    assert "credentials of DATABASE_URL" in found["database"]
    assert "the user" not in str(found)


@pytest.mark.django_db
def test_the_database_is_asked_once_in_a_while() -> None:
    assert faults() == {}
    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            assert Client().get("/health/ready").status_code == 200
    assert not queries.captured_queries


@pytest.mark.django_db
def test_metrics_are_text_without_a_database(settings: Settings) -> None:
    settings.METRICS_TOKEN = "a token"

    def fail(*_: object) -> object:
        raise InternalError("read-only") from errors.ReadOnlySqlTransaction()

    def ask() -> str:
        answer = Client().get("/metrics", headers={"Authorization": "Bearer a token"})
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain")
        return answer.content.decode()

    assert "periodic_database_up 1.0" in ask()
    with connection.execute_wrapper(fail):
        assert "periodic_database_up 0.0" in ask()


FILL = """
import os
from monitoring import readiness
def look():
    readiness.forget()
    print(sorted(readiness.faults()), flush=True)
look()
with open({path!r}, "wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * 4096)
    except OSError:
        pass
look()
os.unlink({path!r})
look()
"""


def test_a_disk_that_is_really_full(template: Path) -> None:  # noqa: F811
    disk = Path(tempfile.mkdtemp(prefix="full-"))
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=150m,mode=0755", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small file system")
    folder = disk / "postgres"
    try:
        subprocess.run(["/bin/cp", "-a", str(template), str(folder)], check=True)
        environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "EMBEDDED_POSTGRES_DIR": str(folder),
        }
        done = manage(
            environment, "shell", "--verbosity", "0", "--command",
            FILL.format(path=str(disk / "filler")),
        )  # fmt: skip
    finally:
        for process in servers(folder):
            process.kill()
            process.wait(30)
        subprocess.run(["/bin/umount", "--lazy", str(disk)], check=True)
        disk.rmdir()
    before, full, after = done.stdout.splitlines()
    assert full == "['disk', 'migrations']"
    assert before == after == "['migrations']"


# --- First steps ---------------------------------------------------------------------------------


@pytest.fixture
def empty_database(process_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a process whose database has no tables yet."""
    name = f"{connection.settings_dict['NAME']}_empty"
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    url = process_environment["DATABASE_URL"].replace(connection.settings_dict["NAME"], name)
    yield {**process_environment, "DATABASE_URL": url, "LOG_LEVEL": "INFO"}
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "command", [["qcluster"], ["create_organization", "Acme", "--email", "a@example.com"]]
)
def test_a_command_before_migrate_says_what_to_run(
    command: list[str], empty_database: dict[str, str]
) -> None:
    done = manage(empty_database, *command)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last == "the database has no tables: run python manage.py migrate"


@pytest.mark.django_db(transaction=True)
def test_a_command_without_its_database_says_so(process_environment: dict[str, str]) -> None:
    url = "postgresql://somebody:the-password@127.0.0.1:1/periodic"
    command = ["create_organization", "Acme", "--email", "a@example.com"]
    done = manage({**process_environment, "DATABASE_URL": url}, *command)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the database cannot be reached" in done.stderr
    assert "the-password" not in done.stderr


@pytest.mark.django_db(transaction=True)
def test_the_web_server_before_migrate(empty_database: dict[str, str]) -> None:
    from tests.outages.web_server import web_server

    with web_server(empty_database) as server:
        ready = server.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["faults"]["migrations"].endswith("run python manage.py migrate")
        for answer in (
            server.get("/elements/api-v2/accounts", "User x, Organization y"),
            server.get("/", session="of nobody"),
        ):
            assert answer.status_code == 503
            assert "python manage.py migrate" in answer.text


def test_the_version_is_that_of_the_project() -> None:
    from config.version import VERSION

    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()
