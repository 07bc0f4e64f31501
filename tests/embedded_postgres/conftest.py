"""Clusters for the tests: initialised once, copied for each."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded_postgres.user_process import finish, servers, start


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A folder with a cluster that was initialised once."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o711)
    finish(start(folder / "template", then="pass"))
    yield folder / "template"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder(template: Path) -> Iterator[Path]:
    path = template.parent / f"copy-{time.time_ns()}"
    subprocess.run(["/bin/cp", "-a", str(template), str(path)], check=True)
    yield path
    for process in servers(path):
        process.kill()
