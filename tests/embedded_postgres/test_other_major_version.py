"""Data of another major version are left alone, and a sentence says how to carry them over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.backup.older_server import PROGRAMS, OlderServer
from tests.embedded_postgres.user_process import ROOT


def test_data_of_an_older_server_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with OlderServer.running() as older:
        older.new_database("periodic")
        older.run("pg_ctl", "stop", "-m", "fast", "-D", str(older.data))
        (older.folder / "lock").touch()
        environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "EMBEDDED_POSTGRES_DIR": str(older.folder),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PERIODIC_ENV_FILE": os.devnull,
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "migrate"],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

        assert done.returncode == 1
        [sentence] = done.stderr.strip().splitlines()
        assert f"are of PostgreSQL {PROGRAMS.parent.name}" in sentence
        assert "manage.py backup FILE" in sentence
        assert "manage.py restore FILE" in sentence
        assert (older.data / "PG_VERSION").read_text().strip() == PROGRAMS.parent.name
