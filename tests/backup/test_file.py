"""The file of a backup: it gets its name once it is whole, on whatever disk, and replaces none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from backup import archive
from backup.errors import BackupError


@pytest.fixture(params=["with links", "without links"], autouse=True)
def _disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if request.param == "without links":
        monkeypatch.setattr(os, "link", refuse)


def test_a_whole_file_gets_its_name(tmp_path: Path) -> None:
    path = tmp_path / "one.backup"
    with archive.written(path) as file:
        file.writestr(archive.DUMP, b"all")
        file.writestr(archive.MANIFEST, b"{}")
        assert not path.exists()

    with archive.opened(path) as file:
        assert file.read(archive.DUMP) == b"all"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_is_there_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "one.backup"
    with pytest.raises(BackupError, match="File exists"), archive.written(path):
        path.write_bytes(b"of somebody else")

    assert path.read_bytes() == b"of somebody else"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "one.backup"
    with archive.written(path) as file:
        file.writestr(archive.DUMP, b"all")
        (partial,) = tmp_path.iterdir()
    partial.write_bytes(b"a part")  # as of one that had this process's id

    path.unlink()
    with archive.written(path) as file:
        file.writestr(archive.DUMP, b"all of it")
    assert path.exists()


def test_a_file_that_was_not_filled_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), archive.written(tmp_path / "one.backup"):
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []
