"""A worker that kills itself with -9 at the statement it is told to.

As a program it forks such a worker for each number on its input: the worker gets kill -9 just
before its statement of that number (a commit comes between two statements). It answers with the
worker's end: the number of the signal, or FINISHED.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FINISHED = 0


class KilledWorker:
    """Runs `task`, a dotted path, on this test's database; `prepare` is called once before."""

    def __init__(self, task: str, prepare: str = "", **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, database(), task, prepare],
            env={**os.environ, "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, statement: int) -> int:
        """The signal that ended the worker, or FINISHED."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{statement}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


def database() -> str:
    """This test's database, as the worker is told of it."""
    from django.db import connection

    given = connection.get_connection_params()
    names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
    return json.dumps({setting: given.get(name, "") for setting, name in names.items()})


def begin(given: str) -> None:
    """Sets Django up in a new process, on the database that `database` told of."""
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.conf import settings

    settings.DATABASES["default"] = {
        **settings.DATABASES["default"],
        "ENGINE": "django.db.backends.postgresql",
        **json.loads(given),
    }
    django.setup()


def main() -> None:
    given, task, prepare = sys.argv[1:]
    begin(given)
    if prepare:
        _named(prepare)()
    work = _named(task)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _work_and_die(int(line), work)
            os._exit(FINISHED)
        _, status = os.waitpid(child, 0)
        answer = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _named(path: str) -> Callable[[], None]:
    module, _, name = path.rpartition(".")
    found: Callable[[], None] = getattr(import_module(module), name)
    return found


def _work_and_die(number: int, work: Callable[[], None]) -> None:
    from django.db import connection

    left = number

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    connection.ensure_connection()
    with connection.execute_wrapper(count):
        work()


if __name__ == "__main__":
    main()
