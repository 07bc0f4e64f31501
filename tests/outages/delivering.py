"""A process that takes turns of delivering on the database of DATABASE_URL, when it is told to.

Leases last a second only: what is not stored is due again at once, as it is for others after a
minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
TURN = 1.0  # seconds


class Delivering:
    """`log` holds what it logs."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._log = log
        paths = [str(ROOT / "platform"), str(ROOT)]
        with log.open("w") as file:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                cwd=ROOT,
                env={
                    **environment,
                    "PYTHONPATH": os.pathsep.join(paths),
                    "DJANGO_SETTINGS_MODULE": "tests.settings",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )

    def record(self, url: str, count: int) -> None:
        self._ask(record=url, count=count)

    def turn(self) -> None:
        self._ask(turn=True)

    def statuses(self) -> list[str]:
        return list(self._ask(statuses=True))

    def said(self) -> list[str]:
        return self._log.read_text().splitlines()

    def _ask(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=20)


def main() -> None:
    import django

    django.setup()
    from events import claim, deliver

    claim.LEASE = timedelta(seconds=1.0)
    deliver.STORE_WITHIN = 0.5
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_obey(json.loads(line))) + "\n")
        sys.stdout.flush()


def _obey(order: dict[str, Any]) -> Any:
    import time

    from django.db import Error, connection

    from events.models import Delivery
    from events.tasks import deliver_until
    from tests.events.found import new_instance, record

    if "record" in order:
        return record(new_instance(url=order["record"]), order["count"])
    if "statuses" in order:
        connection.close()  # somebody may have ended it
        return list(Delivery.objects.values_list("status", flat=True))
    try:
        deliver_until(time.monotonic() + TURN)
    except Error:  # the worker's turns end by it as well, and the next one follows
        connection.close()
    return True


if __name__ == "__main__":
    main()
