"""A worker that polls what is due and kills itself at the statement it is told to.

For a subprocess, with the database as JSON for its argument. For each number on its input it forks
a worker, which gets kill -9 just before its statement of that number (a commit comes between two
statements), and answers with the worker's end: the number of the signal, or 0 when it finished.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django
    from django.conf import settings

    settings.DATABASES["default"] = {
        **settings.DATABASES["default"],
        "ENGINE": "django.db.backends.postgresql",
        **json.loads(sys.argv[1]),
    }
    django.setup()
    from polling import engine, tasks
    from transport.asynchronous import AsyncRunner

    async def no_pause(seconds: float) -> None:
        return None

    # Retries need no waiting here.
    setattr(engine, "AsyncRunner", partial(AsyncRunner, sleep=no_pause))  # noqa: B010
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            poll_and_die(int(line), tasks.poll_all_due)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        answer = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def poll_and_die(number: int, poll_all_due: Callable[[], None]) -> None:
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
        poll_all_due()


if __name__ == "__main__":
    main()
