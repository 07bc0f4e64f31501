#!/usr/bin/env python
"""Puts platform/ on the path and runs Django."""

import os
import sys
from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parent / "platform"


def main() -> None:
    sys.path.insert(0, str(SOURCE_ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    from config import process

    process.enter(process.kind_of_command(sys.argv))
    try:
        if process.kind() == process.WORKER:
            start_worker()
        execute_from_command_line(sys.argv)
    except Exception as error:
        from config import starting

        if (advice := starting.advice_about(error)) is None:
            raise
        sys.exit(advice)


def start_worker() -> None:
    """A database that is away is waited for; one without its tables is somebody's to mend."""
    import django

    from config import starting

    django.setup()
    starting.announce()
    if advice := starting.migrations_missing():
        sys.exit(advice)


if __name__ == "__main__":
    main()
