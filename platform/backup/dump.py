"""Makes a backup while everything runs.

All of it is seen in one snapshot: pg_dump reads in the snapshot that the counts are taken in.
"""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from pathlib import Path
from shutil import copyfileobj

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from backup import archive
from backup.archive import Manifest
from backup.errors import BackupError
from backup.programs import address, programs
from backup.sealed_keys import seal_keys
from encryption.keys import key_ring
from encryption.rotation import encrypted_columns

COMPRESSION = "gzip:6"
# What extensions of the server have there is theirs: pg_dump leaves it out.
TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relpersistence = 'p'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                                             AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY c.relname
"""
KEYS_USED = """
SELECT DISTINCT split_part({column}, '.', 2) FROM {table} WHERE starts_with({column}, 'v1.')
"""


def back_up(path: Path, passphrase: str | None = None) -> Manifest:
    """Write a backup of the database to `path`; with a passphrase, the encryption keys too.

    Raises BackupError.
    """
    tools = programs()
    sealed = None if passphrase is None else seal_keys(passphrase)
    where, environment = address()
    with archive.written(path) as file, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = str(cursor.fetchone()[0])
        command = [
            tools.path("pg_dump"), "--format=custom", f"--compress={COMPRESSION}",
            "--no-owner", "--no-privileges", "--no-unlogged-table-data", "--schema=public",
            f"--snapshot={snapshot}", f"--dbname={where}",
        ]  # fmt: skip
        _dump(file, command, environment)
        manifest = _manifest()
        if sealed is not None:
            file.writestr(archive.KEYS, sealed)
        archive.write_manifest(file, manifest)
    return manifest


def _dump(file: zipfile.ZipFile, command: list[str], environment: dict[str, str]) -> None:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            with file.open(archive.DUMP, "w", force_zip64=True) as part:
                copyfileobj(process.stdout, part, archive.BLOCK)
            failed = process.wait()
        finally:
            process.kill()
            process.wait()
        if failed:
            said.seek(0)
            raise BackupError(f"pg_dump failed: {said.read().decode('utf-8', 'replace').strip()}")


def _manifest() -> Manifest:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now(), current_setting('server_version')")
        made_at, version = cursor.fetchone()
        cursor.execute(TABLES)
        tables = [name for (name,) in cursor.fetchall()]
        rows = {}
        for table in tables:
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            rows[table] = int(cursor.fetchone()[0])
        used: set[str] = set()
        for column in encrypted_columns():
            if column.table in rows:
                cursor.execute(column.composed(KEYS_USED))
                used.update(key for (key,) in cursor.fetchall())
    if "django_migrations" not in rows:
        raise BackupError("the database holds no tables of Periodic: there is nothing to back up")
    applied = MigrationRecorder(connection).applied_migrations()
    return Manifest(
        made_at=made_at.isoformat(),
        server_version=version,
        rows=rows,
        migrations=sorted([app, name] for app, name in applied),
        keys=sorted(used),
        unreadable_keys=sorted(used - set(key_ring().ciphers)),
    )
