"""The version before this one, which runs beside it while an upgrade rolls."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The last commit of that version. It moves on whenever a version is given out: CONTRIBUTING.md,
# "Migrations that roll".
COMMIT = "2457db920b0f1a7099249926437bfc4e0e4553b3"


def files() -> list[str]:
    """Return the paths of its files. Skips the test where the clone has not got its history."""
    asked = ["git", "ls-tree", "-r", "--name-only", COMMIT]
    listing = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip(f"this clone has no history: fetch {COMMIT[:12]}, the version before this one")
    return listing.stdout.splitlines()


def unpack(folder: Path) -> Path:
    """Write its files to a new folder, and return that; skips as `files` does."""
    files()
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    made = ["git", "archive", "--output", str(archive), COMMIT]
    subprocess.run(made, cwd=ROOT, check=True)
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    archive.unlink()
    return folder
