"""What this process does: `web`, `worker`, or the name of the management command that it runs.

An environment variable carries it, so that processes that this one starts know it, too. Each entry
point (`manage.py`, `config.wsgi`) sets its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

VARIABLE = "PERIODIC_PROCESS"
WEB = "web"
WORKER = "worker"
COMMANDS = {"qcluster": WORKER, "runserver": WEB}


def enter(kind: str) -> None:
    os.environ[VARIABLE] = kind


def kind() -> str:
    """Return `web`, `worker` or a command's name; empty in a process that no entry point began."""
    return os.environ.get(VARIABLE, "")


def kind_of_command(arguments: Sequence[str]) -> str:
    """Return the kind for the arguments of `manage.py`, `sys.argv` as it is."""
    command = arguments[1] if len(arguments) > 1 else "help"
    return COMMANDS.get(command, command)
