"""A database of its own on a file system of a few megabytes, that a test fills."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from django.db import connection

from tests import database

SIZE = "96m"


class SmallDisk:
    """PostgreSQL's log of changes lies elsewhere: what fails here is that tables grow."""

    def __init__(self, folder: Path, name: str) -> None:
        self._ballast = folder / "ballast"
        self.name = name
        self.url = database.url_of(name)

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            for size in (2**20, 4096):
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """Skips the test where no file system can be mounted, which takes root."""
    server = connection.copy()
    server.settings_dict["NAME"] = "postgres"
    name = f"small_{secrets.token_hex(4)}"
    with closing(server), server.cursor() as cursor, ExitStack() as stack:
        cursor.execute("SELECT current_setting('data_directory')")
        [data] = cursor.fetchone()
        owner = os.stat(data)
        folder = stack.enter_context(_mounted(Path(data).parent / name))  # where it may look
        space = folder / "space"
        space.mkdir(mode=0o700)
        os.chown(space, owner.st_uid, owner.st_gid)
        template = database.make_template()
        cursor.execute(f"CREATE TABLESPACE {name} LOCATION '{space}'")
        try:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template} TABLESPACE {name}")
            disk = SmallDisk(folder, name)
            try:
                yield disk
            finally:
                disk.empty()
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            cursor.execute(f"DROP TABLESPACE {name}")


@contextmanager
def _mounted(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir()
        pytest.skip("a small file system can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run([shutil.which("umount") or "umount", "--lazy", str(folder)], check=True)
        folder.rmdir()
