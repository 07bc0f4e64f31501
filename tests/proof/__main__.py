"""`python -m tests.proof [--changes N]`: the long proof. It writes docs/proof.md."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
from pathlib import Path

from demo.processes import ROOT
from integrations.gmail.sandbox.control_client import SandboxControl
from tests.proof.provider import sandbox_process, settings_for

VAR = ROOT / "var" / "proof"
ORGANIZATIONS = (9, 6, 5)  # mailboxes of each
CHANGES, KILLS, ACTS, WORKERS = 100_000, 3, 24, 3
SEED = 20_261


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--changes", type=int, default=CHANGES, help="default: %(default)s")
    parser.add_argument("--kills", type=int, default=KILLS, help="of each statement: %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "proof.md")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "platform"))
    shutil.rmtree(VAR / "sandbox", ignore_errors=True)
    (VAR / "sandbox").mkdir(parents=True)
    with sandbox_process(VAR / "sandbox" / "state", "proof") as url:
        environment = _environment(url)
        os.environ |= environment
        import django

        django.setup()
        return _prove(given, url, environment)


def _environment(url: str) -> dict[str, str]:
    """Nothing of the caller's changes what is proved."""
    for name in ("DATABASE_URL", "INTEGRATIONS_DIRS"):
        os.environ.pop(name, None)
    return {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "EMBEDDED_POSTGRES_DIR": str(VAR / "postgres"),
        "EMBEDDED_POSTGRES_FSYNC": "on",  # durable, as in production
        "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "LOG_LEVEL": "CRITICAL",  # thousands of failures are wanted here
        **settings_for(url),
    }


def _prove(given: argparse.Namespace, url: str, environment: dict[str, str]) -> int:
    from django.core.management import call_command

    from tests.proof import report
    from tests.proof.customer import Customer
    from tests.proof.ledger import Ledger
    from tests.proof.mailboxes import connected
    from tests.proof.postgres import NAME, Postgres
    from tests.proof.run import Proof, Size
    from tests.proof.trouble import Trouble
    from tests.proof.verdict import keep_cursors

    # Each has dice of its own: what happens is the same, whenever who dies.
    story, deaths, restarts, replies = (
        random.Random(given.seed)  # noqa: S311 - no secret
        for _ in range(4)
    )
    postgres = Postgres(VAR / "postgres", restarts)
    postgres.make_empty()
    call_command("migrate", verbosity=0)
    keep_cursors()
    customer = Customer(replies)
    try:
        control = SandboxControl(url)
        ledger = Ledger(VAR / "sandbox" / "state")
        ledger.begin()
        mailboxes = list(connected(control, customer.receiver, ORGANIZATIONS))
        proof = Proof(
            Size(given.changes, ACTS, WORKERS, given.kills),
            deaths,
            ledger,
            control,
            customer,
            Trouble(control, story, mailboxes),
            database={"ENGINE": "config.postgres", "NAME": NAME},
            environment=environment,
            restart=postgres.disturb,
        )
        verdict = proof.run()
    finally:
        customer.receiver.close()
    given.report.write_text(report.written(proof, verdict, given.seed))
    sys.stdout.write(f"{report.summary(verdict)}\nwritten to {given.report}\n")
    for reason in verdict.wrong[:50]:
        sys.stdout.write(f"- {reason}\n")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
