"""`python -m tests.outages`: every trial on real processes, as a table on standard output.

`make proof` runs it after the proof, whose page it adds to: `--page docs/proof.md`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.outages.trials import Result, Trial

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "platform"))

TITLE = "## On the processes that people run"
SECTION = """\
{title}

{date}: gunicorn, two worker hosts (`manage.py qcluster`) and a PostgreSQL of their own, the \
Gmail sandbox and a receiver, all of them processes on sockets. Ten mails a second come in while \
something is done to them. When it is over each mailbox gets one more mail; *flowing again* is \
how long it takes until the events of all of them have arrived. Where a host is lost, stands \
still or is cut off, that is measured from this moment on, by what the other host does alone. At \
the end of each trial every mail must have been told of once, as one event under one \
`webhook-id`: **lost {lost}, doubled or false {false}**. The host that has a wrong clock works \
alone for a while, and so does the one that was cut off once its link is back; that link is a \
virtual cable to a network of its own, whose ends hear nothing of each other while it is down. \
The disk is a small one that is filled to the last byte. What is told to run behind PgBouncer \
does so with all that it has: web server, hosts and `migrate`.

{table}"""
HEAD = """\
| what happened | flowing again after | mails meanwhile | repeated under the same id | log lines |
| --- | ---: | ---: | ---: | ---: |
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.outages")
    parser.add_argument("--only", default="", help="trials whose names contain this")
    parser.add_argument("--page", type=Path, help="the page whose section is written")
    given = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    results = []
    for result in _results(given.only):
        results.append(result)
        sys.stderr.write(f"{_row(result)}\n")
        for reason in result.wrong[:20]:
            sys.stderr.write(f"  - {reason}\n")
    table = HEAD + "\n".join(map(_row, results)) + "\n"
    sys.stdout.write(table)
    if given.page:
        _write(given.page, results, table)
    return 1 if any(result.wrong for result in results) else 0


def _write(page: Path, results: list[Result], table: str) -> None:
    wrong = [reason for result in results for reason in result.wrong]
    section = SECTION.format(
        title=TITLE,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        lost=sum(reason.startswith("lost") for reason in wrong),
        false=sum(reason.startswith(("told", "false")) for reason in wrong),
        table=table,
    )
    rest = page.read_text().partition(f"\n{TITLE}")[0].rstrip()
    page.write_text(f"{rest}\n\n{section}")


def _results(only: str) -> Iterator[Result]:
    from tests.debian_programs import find
    from tests.outages.cut_link import cut_link
    from tests.outages.installation import installation
    from tests.outages.pgbouncer import running_pgbouncer
    from tests.outages.real_postgres import open_folder, real_postgres
    from tests.outages.standby import postgres_with_standby
    from tests.outages.trials import ALL, CUTS, FAILOVER, MODES, POOLED, can_mount, small_disk

    if trials := _chosen(ALL, only):
        with ExitStack() as stack:
            folder = stack.enter_context(open_folder())
            disk = folder / "disk"
            if can_mount():
                stack.enter_context(small_disk(disk))
            postgres = stack.enter_context(real_postgres(disk / "postgres"))
            running = stack.enter_context(installation(postgres, folder, hosts=2))
            for trial in trials:
                if can_mount() or "disk" not in trial.name:
                    yield trial.run(running)
                else:
                    yield trial.skipped("only root can mount a small disk")
    if trials := _chosen(CUTS, only):
        with ExitStack() as stack:
            folder = stack.enter_context(open_folder())
            link = stack.enter_context(cut_link())
            if link is None:
                yield from (trial.skipped("only root can make a network") for trial in trials)
            else:
                postgres = stack.enter_context(real_postgres(folder / "postgres", link.server))
                running = stack.enter_context(installation(postgres, folder))
                running.host_behind(link)
                yield from (trial.run(running) for trial in trials)
    for mode in MODES:
        if trials := _chosen([trial.behind_pgbouncer(mode) for trial in POOLED], only):
            with ExitStack() as stack:
                folder = stack.enter_context(open_folder())
                if find("pgbouncer") is None:
                    yield from (trial.skipped("there is no PgBouncer") for trial in trials)
                    continue
                postgres = stack.enter_context(real_postgres(folder / "postgres"))
                pooler = stack.enter_context(
                    running_pgbouncer(mode, postgres.server, postgres.data.stat())
                )
                running = stack.enter_context(
                    installation(postgres, folder, hosts=2, pooler=pooler)
                )
                yield from (trial.run(running) for trial in trials)
    if only in FAILOVER.name:
        with ExitStack() as stack:
            folder = stack.enter_context(open_folder())
            pair = stack.enter_context(postgres_with_standby(folder / "postgres"))
            yield FAILOVER.run(stack.enter_context(installation(pair, folder, hosts=2)))


def _chosen(trials: Sequence[Trial], only: str) -> list[Trial]:
    return [trial for trial in trials if only in trial.name]


def _row(result: Result) -> str:
    if result.skipped:
        return f"| {result.name} | not tried: {result.skipped} | | | |"
    wrong = "" if not result.wrong else f" **{len(result.wrong)} wrong**"
    return (
        f"| {result.name}{wrong} | {result.seconds:.1f} s | {result.mails} | {result.repeated}"
        f" | {result.lines} |"
    )


if __name__ == "__main__":
    sys.exit(main())
