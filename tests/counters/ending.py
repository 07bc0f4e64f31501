"""A program that counts and ends, itself or in a child of multiprocessing as a worker has it."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path


def count() -> None:
    from counters import counting
    from counters.families import POLLS

    counting.count(POLLS, "gmail", "idle", by=7)


def main() -> None:
    given, child = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
    from tests.killed_worker import begin

    begin(given)
    if not child:
        count()
        return
    process = multiprocessing.get_context("fork").Process(target=count)
    process.start()
    process.join()


if __name__ == "__main__":
    main()
