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
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
