from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.demo.started import left_of


@pytest.fixture
def var() -> Iterator[Path]:
    """A folder for what is kept, where PostgreSQL's own user can reach it; with a blank in it."""
    top = Path(tempfile.mkdtemp(prefix="periodic demo "))
    top.chmod(0o755)
    folder = top / "var"
    yield folder
    for process in left_of(folder):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    shutil.rmtree(top, ignore_errors=True)
