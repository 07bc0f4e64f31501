"""The test database: made once from a template, and emptied quickly after a test that commits.

Rule 1: nothing here may make a test see more or less than Django's own way does.
Rule 2: the template is named after what it is made of, so that a change of a migration makes
another one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connection

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "test_template_"
# What migrations write, and no test does.
KEPT = (
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
)
LARGE = 262_144  # bytes of a table that is truncated: dead rows would be in everybody's way
EMPTYING_TRIES = 5
# In the order of foreign keys nothing could be deleted from; as a replica nobody looks at them. The
# lock waits for what a process that a test started still writes: below a row that is deleted here,
# what it adds would stay.
EMPTY = f"""
DO $$
DECLARE
    one regclass;
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE (
        SELECT 'LOCK TABLE ' || string_agg(format('%I', tablename), ', ' ORDER BY tablename)
               || ' IN SHARE ROW EXCLUSIVE MODE'
          FROM pg_tables WHERE schemaname = 'public'
    );
    FOR one IN
        SELECT format('%I', tablename) FROM pg_tables
         WHERE schemaname = 'public' AND tablename NOT IN {KEPT}
    LOOP
        IF pg_relation_size(one) > {LARGE} THEN
            EXECUTE format('TRUNCATE %s CASCADE', one);
        ELSE
            EXECUTE format('DELETE FROM %s', one);
        END IF;
    END LOOP;
END $$
"""  # noqa: S608 - names of tables
# Statistics of a table that happened to be empty just then would make the next test's plans.
WITHOUT_STATISTICS = """
DO $$
DECLARE
    one regclass;
BEGIN
    FOR one IN SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', one);
    END LOOP;
END $$
"""


def empty(_test_case: object) -> None:
    """Deletes all rows. In the place of TransactionTestCase._fixture_teardown, which truncates
    every table and has all permissions made anew: a tenth of a second for each test."""
    from worker.schedules import keep_schedules

    for left in reversed(range(EMPTYING_TRIES)):
        try:
            with connection.cursor() as cursor:
                cursor.execute(EMPTY)
            break
        except OperationalError:  # a deadlock: a server that a test started ends its last request
            if not left:
                raise
            time.sleep(0.5)
    keep_schedules()


def make_template() -> str:
    """Makes the database that test databases are copied from, unless it is there; its name."""
    name = PREFIX + _digest_of_migrations()
    server = connection.copy()
    server.settings_dict["NAME"] = "postgres"
    with _alone(), closing(server), server.cursor() as cursor:
        cursor.execute(
            "SELECT datname, datistemplate FROM pg_database WHERE starts_with(datname, %s)",
            [PREFIX],
        )
        found = cursor.fetchall()
        if (name, True) in found:
            return name
        for old, _ in found:  # of other migrations, or not finished
            cursor.execute(f'ALTER DATABASE "{old}" IS_TEMPLATE false')
            cursor.execute(f'DROP DATABASE "{old}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        _migrate(name)
        _without_statistics(name)
        cursor.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE true')
    return name


def drop_left_over() -> None:
    """Drops this process's test database of the run before, and ends its sessions: processes that
    outlive a killed run hold it."""
    server = connection.copy()
    server.settings_dict["NAME"] = "postgres"
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]  # in no stub
    with closing(server), server.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _digest_of_migrations() -> str:
    """Of all migrations of all apps, and of who runs them."""
    text = hashlib.sha256(f"{sys.version}{psycopg.__version__}{WITHOUT_STATISTICS}".encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        for path in sorted(Path(app.path, "migrations").glob("*.py")):
            text.update(path.read_bytes())
    return text.hexdigest()[:16]


def _migrate(name: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url_of(name),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        },
        check=True,
    )


def _without_statistics(name: str) -> None:
    template = connection.copy()
    template.settings_dict["NAME"] = name
    with closing(template), template.cursor() as cursor:
        cursor.execute(WITHOUT_STATISTICS)


def url_of(name: str) -> str:
    """DATABASE_URL of a database on the server in use."""
    given = connection.get_connection_params()
    host = quote(str(given["host"]), safe="")
    return f"postgresql://{given['user']}@/{name}?host={host}&port={given['port']}"


@contextmanager
def _alone() -> Iterator[None]:
    """Of the processes that run tests on this server."""
    folder = Path(settings.EMBEDDED_POSTGRES_DIR).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "test-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
