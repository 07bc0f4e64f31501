"""Delivers what is due, and kills itself after the statement it is told. For a subprocess.

Arguments: the database's name, and the number of the statement, from 1.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    name, left = sys.argv[1], int(sys.argv[2])
    sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["ALLOWED_PRIVATE_NETWORKS"] = "127.0.0.0/8"
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = name
    django.setup()
    from django.db import connection

    from events.tasks import deliver_all_due

    connection.ensure_connection()

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        result = execute(sql, params, many, context)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    with connection.execute_wrapper(count):
        deliver_all_due()


if __name__ == "__main__":
    main()
