"""Data of another major version are left alone, and a sentence says how to carry them over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.backup.older_server import PROGRAMS, OlderServer
from tests.embedded_postgres.user_process import ROOT
from tests.outages.web_server import web_server
from tests.patience import PATIENCE

pytestmark = pytest.mark.installation


@pytest.fixture
def older() -> Iterator[OlderServer]:
    """A stopped server's data, where the embedded server looks for its own."""
    with OlderServer.running() as older:
        older.new_database("periodic")
        older.run("pg_ctl", "stop", "-m", "fast", "-D", str(older.data))
        (older.folder / "lock").touch()
        yield older


@pytest.fixture
def environment(older: OlderServer) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "EMBEDDED_POSTGRES_DIR": str(older.folder),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PERIODIC_ENV_FILE": os.devnull,
    }


def test_data_of_an_older_server_are_refused_in_one_sentence(
    older: OlderServer, environment: dict[str, str]
) -> None:
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


def test_the_web_server_says_the_sentence_and_that_its_database_is_away(
    environment: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    logged = ""
    with web_server(environment) as web:
        assert web.get("/health/ready").status_code == 503
        assert web.get("/elements/api-v2/elements", "User u, Organization o").status_code == 503
        deadline = time.monotonic() + PATIENCE
        while "manage.py restore FILE" not in logged:  # the start is announced beside it
            assert time.monotonic() < deadline, logged
            logged += "".join(capfd.readouterr())
            time.sleep(0.05)
    logged += "".join(capfd.readouterr())
    assert "Traceback" not in logged
