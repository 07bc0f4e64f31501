"""Programs of the folder `demo`, as processes with a folder and ports of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from demo.processes import MARK, ROOT, free_port

PATIENCE = 300.0  # seconds; a slow machine is no defect


class Started:
    """`python -m <module>`. What it prints is in `output`."""

    def __init__(self, module: str, var: Path, **environment: str) -> None:
        self.output = var.parent / "output"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "EMBEDDED_POSTGRES_DIR"}
        }
        self.environment = {
            **inherited,
            "PERIODIC_VAR": str(var),
            "PERIODIC_ENV_FILE": os.devnull,
            "EMBEDDED_POSTGRES_FSYNC": "off",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str) -> None:
        """Until it has printed the text. Fails when it ends without having done so."""
        until(lambda: text in self.printed or self.process.poll() is not None, self.output)
        assert text in self.printed, self.printed

    def end(self, seconds: float = PATIENCE) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended:\n{self.printed}") from None


def until(condition: Callable[[], bool], told: Path | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, told.read_text() if told else "it does not happen"
        time.sleep(0.05)


def ports() -> dict[str, str]:
    return {name: str(free_port()) for name in ("PORT", "SANDBOX_PORT")}


def left_of(var: Path) -> list[psutil.Process]:
    """Every living process that was started for the folder, its PostgreSQL included."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            marks = (process.environ().get(MARK, ""), process.environ().get("PERIODIC_VAR", ""))
            if any(mark.startswith(str(var)) for mark in marks) or is_postgres_of(process, var):
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_postgres_of(process: psutil.Process, var: Path) -> bool:
    return process.name() == "postgres" and Path(process.cwd()).is_relative_to(var)
