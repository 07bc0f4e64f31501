"""`python -m tests.outages`: every trial on real processes, as a table on standard output.

`make proof` runs it after the proof, and adds the table to docs/proof.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.outages.installation import installation
from tests.outages.real_postgres import open_folder, real_postgres
from tests.outages.trials import ALL, Result, can_mount, small_disk

HEAD = """\
| what happened | flowing again after | mails meanwhile | repeated under the same id | log lines |
| --- | ---: | ---: | ---: | ---: |
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.outages")
    parser.add_argument("--only", default="", help="trials whose names contain this")
    parser.add_argument("--write", type=Path, help="the file that takes the table")
    given = parser.parse_args()
    results = []
    for result in _results(given.only):
        results.append(result)
        sys.stderr.write(f"{_row(result)}\n")
        for reason in result.wrong[:20]:
            sys.stderr.write(f"  - {reason}\n")
    table = HEAD + "\n".join(map(_row, results)) + "\n"
    sys.stdout.write(table)
    if given.write:
        given.write.write_text(table)
    return 1 if any(result.wrong for result in results) else 0


def _results(only: str) -> Iterator[Result]:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        disk = folder / "disk"
        if can_mount():
            stack.enter_context(small_disk(disk))
        postgres = stack.enter_context(real_postgres(disk / "postgres"))
        running = stack.enter_context(installation(postgres, folder, hosts=2))
        for trial in ALL:
            if only in trial.name and (can_mount() or "disk" not in trial.name):
                yield trial.run(running)


def _row(result: Result) -> str:
    wrong = "" if not result.wrong else f" **{len(result.wrong)} wrong**"
    return (
        f"| {result.name}{wrong} | {result.seconds:.1f} s | {result.mails} | {result.repeated}"
        f" | {result.lines} |"
    )


if __name__ == "__main__":
    sys.exit(main())
