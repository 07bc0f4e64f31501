"""Puts a backup back: all of it, checked, or nothing at all.

Rule 1: it is one transaction of the database, from emptying the schema to the checks. It is
committed by the last line that psql is sent; whoever is killed before leaves what was there.
Rule 2: nobody else may be connected: what they write would be lost, or be written to a schema that
is about to go.
Rule 3: ids that were given after the backup was made are not given again: each sequence of eight
bytes goes on far behind its place in the backup. Receivers and customers remember ids.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfileobj
from typing import IO

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from backup import archive
from backup.archive import Manifest
from backup.dump import TABLES
from backup.errors import BackupError
from backup.programs import address, programs, server_major
from encryption.fields import context_of
from encryption.keys import UnsealError, key_ring, unseal
from encryption.rotation import encrypted_columns

IDS_LEFT_OUT = 1_000_000_000  # by each restore; there are 9.2e18
LONGEST_LINE = 200  # bytes of a line that may be a setting of an unknown parameter
# What pg_restore sets and older servers do not know.
# https://www.postgresql.org/docs/17/release-17.html
UNKNOWN_BEFORE = {b"SET transaction_timeout": 17}
OTHERS = """
SELECT coalesce(nullif(application_name, ''), backend_type) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND backend_type = 'client backend'
"""
BEGIN = b"""\\set ON_ERROR_STOP on
\\set QUIET on
BEGIN;
SET LOCAL lock_timeout = '10s';
"""
# Not the schema itself, which its database's owner may not own, and nothing of an extension's.
EMPTY = b"""
DO $$
DECLARE one text;
BEGIN
    FOR one IN SELECT format('%s %I', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE'
                                                   ELSE 'TABLE' END, relname)
                 FROM pg_class WHERE relnamespace = 'public'::regnamespace
                                 AND relkind IN ('r', 'p', 'v', 'S')
                                 AND NOT EXISTS (SELECT FROM pg_depend AS d
                                                  WHERE d.classid = 'pg_class'::regclass
                                                    AND d.objid = pg_class.oid
                                                    AND d.deptype = 'e')
                ORDER BY relkind = 'S'
    LOOP
        EXECUTE 'DROP ' || replace(one, ' ', ' IF EXISTS public.') || ' CASCADE';
    END LOOP;
    FOR one IN SELECT oid::regprocedure::text FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace
                  AND NOT EXISTS (SELECT FROM pg_depend AS d
                                   WHERE d.classid = 'pg_proc'::regclass
                                     AND d.objid = pg_proc.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', one);
    END LOOP;
END $$;
"""
LEAVE_IDS_OUT = """
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT schemaname, sequencename, coalesce(last_value, start_value) AS last
                 FROM pg_sequences
                WHERE schemaname = 'public' AND data_type = 'bigint'::regtype
    LOOP
        PERFORM setval(format('%I.%I', one.schemaname, one.sequencename)::regclass,
                       one.last + {left_out});
    END LOOP;
END $$;
""".replace("{left_out}", str(IDS_LEFT_OUT))
COUNTED = """
DO $$ BEGIN
    IF (SELECT count(*) FROM {table}) <> {rows} THEN
        RAISE EXCEPTION 'table {name} does not have the % rows of the backup', {rows};
    END IF;
END $$;
"""
# Hosts that ran when the backup was made; nobody runs now, and their leases would be waited for.
HOSTS = ("worker_looplease", "worker_workerhost")
COMMIT = b"\nCOMMIT;\n"


def restore(path: Path, *, replace: bool = False, without_keys: bool = False) -> Manifest:
    """Put the backup of `path` into the database in use; `replace` what is there.

    Raises BackupError; the database is then as it was before.
    """
    with archive.opened(path) as file:
        manifest = archive.manifest_of(file)
        _require_known(manifest)
        if not without_keys:
            require_keys(manifest)
        _require_room(replace)
        _load(file, manifest)
    _require_opening(manifest, without_keys=without_keys)
    return manifest


def require_keys(manifest: Manifest) -> None:
    """Raises BackupError naming the keys of the backup that are not at hand."""
    missing = sorted(set(manifest.keys) - set(key_ring().ciphers) - set(manifest.unreadable_keys))
    if missing:
        raise BackupError(
            f"PERIODIC_ENCRYPTION_KEYS lacks the keys {', '.join(missing)} that the backup's "
            "secrets are sealed with. Put them there (backup_keys prints those that the backup "
            "holds), or restore --without-keys and have every account connected again"
        )


def _require_known(manifest: Manifest) -> None:
    known = MigrationLoader(None).disk_migrations
    unknown = [f"{app}.{name}" for app, name in manifest.migrations if (app, name) not in known]
    if unknown:
        raise BackupError(
            f"the backup was made by another version: this one does not know {unknown[0]}"
            f"{f' and {len(unknown) - 1} more migrations' if len(unknown) > 1 else ''}. Install "
            "the version that made it, restore, and upgrade then"
        )


def _require_room(replace: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(OTHERS)
        others = sorted({name for (name,) in cursor.fetchall()})
        cursor.execute(TABLES)
        tables = len(cursor.fetchall())
    if others:
        raise BackupError(
            f"others are connected to the database ({', '.join(others)}): stop web and workers "
            "first"
        )
    if tables and not replace:
        raise BackupError(
            f"the database is not empty: it has {tables} tables. Name another one in DATABASE_URL "
            "or EMBEDDED_POSTGRES_DIR, or add --replace to lose what is there"
        )


def _load(file: zipfile.ZipFile, manifest: Manifest) -> None:
    tools = programs()
    where, environment = address()
    version = server_major()
    connection.close()
    with tempfile.TemporaryFile() as said:
        psql = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
            [tools.path("psql"), "--no-psqlrc", "--quiet", f"--dbname={where}"],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
        script = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
            [tools.path("pg_restore"), "--no-owner", "--no-privileges", "--file=-"],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said,
        )  # fmt: skip
        assert psql.stdin is not None  # noqa: S101 - pipes were asked for
        assert script.stdin is not None  # noqa: S101
        assert script.stdout is not None  # noqa: S101
        feeding = threading.Thread(target=_feed, args=(file, script.stdin), daemon=True)
        feeding.start()
        try:
            psql.stdin.write(BEGIN + EMPTY)
            for line in _for_server(script.stdout, version):
                psql.stdin.write(line)
            whole = script.wait() == 0
            if whole:
                psql.stdin.write(_checks(manifest))
                psql.stdin.write(COMMIT)
            psql.stdin.close()
        except BrokenPipeError:
            whole = False  # psql has said why
        finally:
            script.kill()
            failed = psql.wait()
        feeding.join()
        if failed or not whole:
            said.seek(0)
            why = said.read().decode("utf-8", "replace").strip()
            raise BackupError(f"nothing was restored: {why or 'pg_restore was ended'}")


def _feed(file: zipfile.ZipFile, into: IO[bytes]) -> None:
    try:
        with file.open(archive.DUMP) as part, into:
            copyfileobj(part, into, archive.BLOCK)
    except BrokenPipeError:
        pass  # pg_restore has said why


def _for_server(script: IO[bytes], version: int) -> Iterator[bytes]:
    """The script of pg_restore, without what a server of this major version does not know, and
    with the schema made by us."""
    beginning = True  # rows of tables come later, and may hold any text
    for line in script:
        if line.startswith(b"COPY "):
            beginning = False
        if beginning:
            name = line.partition(b" =")[0]
            if version < UNKNOWN_BEFORE.get(name, 0) or line == b"CREATE SCHEMA public;\n":
                continue
        yield line


def _checks(manifest: Manifest) -> bytes:
    # pg_dump's scripts leave no schema in the search path.
    parts = ["SET LOCAL search_path = public;\n"]
    for table, rows in sorted(manifest.rows.items()):
        parts.append(
            sql.SQL(COUNTED)
            .format(table=sql.Identifier(table), rows=sql.Literal(rows), name=sql.SQL(table))
            .as_string(None)
        )
    parts += [f"DELETE FROM {table};\n" for table in HOSTS if table in manifest.rows]  # noqa: S608
    return "".join([*parts, LEAVE_IDS_OUT]).encode()


def _require_opening(manifest: Manifest, *, without_keys: bool) -> None:
    """Opens one stored value for each key of the backup that is at hand."""
    if without_keys:
        return
    for column in encrypted_columns():
        if column.table not in manifest.rows:
            continue
        for key in sorted(set(manifest.keys) & set(key_ring().ciphers)):
            with connection.cursor() as cursor:
                cursor.execute(
                    column.composed(
                        "SELECT {pk}, {column} FROM {table} WHERE starts_with({column}, %s) LIMIT 1"
                    ),
                    [f"v1.{key}."],
                )
                row = cursor.fetchone()
            if row is None:
                continue
            try:
                unseal(row[1], context_of(column.table, row[0], column.name))
            except UnsealError as error:
                raise BackupError(
                    f"all was restored, but a secret does not open: {error}"
                ) from error
