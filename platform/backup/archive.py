"""The file of a backup: a ZIP with a dump of the database, and what says whether it is whole.

`database.dump` is pg_dump's custom format, compressed; `manifest.json` is a Manifest; `keys.json`
(optional) has the encryption keys, sealed. A ZIP's directory is written last, so that a file whose
writer was killed is none, and each part has a checksum.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from backup.errors import BackupError

DUMP, MANIFEST, KEYS = "database.dump", "manifest.json", "keys.json"
FORMAT = 1
BLOCK = 1_048_576  # bytes copied at once
# What folders answer that know no hard links, such as shares of Windows and of object stores.
WITHOUT_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; all of it as of one snapshot of the database.

    `rows` by table; `migrations` as [app, name]; `keys` are the ids of the encryption keys that
    stored values are sealed with, `unreadable_keys` those of them that were not at hand.
    """

    made_at: str  # ISO 8601, PostgreSQL's clock
    server_version: str
    rows: dict[str, int]
    migrations: list[list[str]]
    keys: list[str]
    unreadable_keys: list[str] = field(default_factory=list)
    format: int = FORMAT


@contextmanager
def written(path: Path) -> Iterator[zipfile.ZipFile]:
    """A backup to be filled, which is there under its name once it is whole, and never before.

    Only its owner may read it. Raises BackupError where the file exists already.
    """
    if path.exists():
        raise BackupError(f"{path} exists already: name another file")
    # Not the process id: in containers the next process has the one that a killed one had.
    partial = path.with_name(f"{path.name}.partial-{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                yield archive
            file.flush()
            os.fsync(file.fileno())
        _name(partial, path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name(partial: Path, path: Path) -> None:
    """Give a whole file its name. Raises OSError where somebody has taken it meanwhile."""
    try:
        os.link(partial, path)  # unlike a rename, it replaces nothing
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        partial.rename(path)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A backup that is whole. Raises BackupError where it is none, or damaged."""
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror or error}") from error
    except zipfile.BadZipFile:
        raise BackupError(f"{path} is no backup, or was cut off") from None
    with archive:
        if not {DUMP, MANIFEST} <= set(archive.namelist()):
            raise BackupError(f"{path} is no backup of Periodic")
        try:
            damaged = archive.testzip()
        except (zipfile.BadZipFile, EOFError):
            damaged = "it"
        if damaged:
            raise BackupError(f"{path} is damaged: {damaged} does not have its checksum")
        yield archive


def write_manifest(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))


def manifest_of(archive: zipfile.ZipFile) -> Manifest:
    """Raises BackupError for that of another format."""
    body = json.loads(archive.read(MANIFEST))
    if body.get("format") != FORMAT:
        raise BackupError(
            f"the backup has format {body.get('format')}, and this version reads {FORMAT}: "
            "restore it with the version that made it"
        )
    return Manifest(**body)
