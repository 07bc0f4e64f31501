"""A bulk job over a mailbox, and the memory that it takes: the same for few messages and many.

`python -m benchmarks.bulk_download worker` works on the due jobs of DATABASE_URL, downloads each
result as JSON lines and as a table, and prints what that took: a process of its own, so that
nothing else is in its memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import database
from demo.processes import ROOT

MESSAGES, QUICK_MESSAGES = (10_000, 100_000), (1_000, 2_000)
MAILBOX = "bench@example.com"
MEGABYTE = 1024  # kilobytes


def run(*, quick: bool) -> dict[str, float]:
    from integrations.gmail.sandbox.server import SandboxServer

    few, many = QUICK_MESSAGES if quick else MESSAGES
    measured = {}
    for messages in (few, many):
        database.fresh("bulk_download")
        with SandboxServer() as sandbox, _environment(sandbox.url):
            sandbox.control.create_mailbox(MAILBOX)
            for _ in range(0, messages, 10_000):
                sandbox.control.fill(min(messages, 10_000), MAILBOX)
            _start(sandbox.control.sign_in(MAILBOX)["refresh_token"])
            measured[messages] = _work()
        if measured[messages]["records"] != messages:
            raise RuntimeError(f"{measured[messages]['records']} of {messages} were downloaded")
    database.drop("bulk_download")
    return {
        "bulk_memory_ratio": measured[many]["job_mb"] / measured[few]["job_mb"],
        "bulk_job_mb": measured[many]["job_mb"],
        "bulk_download_mb": measured[many]["download_mb"],
        "bulk_records_per_s": many / measured[many]["job_s"],
        "bulk_download_records_per_s": 2 * many / measured[many]["download_s"],
        "bulk_records": many,
    }


@contextmanager
def _environment(url: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ |= {
        "GMAIL_API_BASE_URL": url,
        "GOOGLE_AUTHORIZATION_URL": f"{url}/o/oauth2/v2/auth",
        "GOOGLE_TOKEN_URL": f"{url}/token",
        "GOOGLE_REVOKE_URL": f"{url}/revoke",
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _start(refresh_token: str) -> None:
    from django.utils import timezone

    from accounts.provision import create_organization
    from bulk import statement
    from bulk.start import start
    from elements import catalogue
    from instances import provision

    new = create_organization("Bench", "bench@example.com")
    wish = provision.Wish(
        name="Mailbox",
        configuration={"oauth.api.key": "sandbox-client", "oauth.api.secret": "sandbox-secret"},
        consent=provision.Consent(external=True, refresh_token=refresh_token),
    )
    instance = provision.create(new.user, new.organization, catalogue.find("gmail"), wish)
    query = "select * from messages"
    start(instance, statement.parse(query), query, {}, timezone.now())


def _work() -> dict[str, float]:
    from benchmarks.web import database_url

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bulk_download", "worker"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}",
            "DATABASE_URL": database_url(),
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def work() -> dict[str, Any]:
    """In the worker's process: the job to its end, then its result twice."""
    import django

    django.setup()
    from bulk import download
    from bulk.models import BulkJob
    from bulk.tasks import run_until
    from worker.loops import BUDGET

    began = time.monotonic()
    while run_until(time.monotonic() + BUDGET):
        pass  # as the line's tasks do
    job_s, job_mb = time.monotonic() - began, _peak()
    job = BulkJob.objects.get()
    if job.status != "COMPLETED":
        raise RuntimeError(f"the job is {job.status}: {job.error}")
    began = time.monotonic()
    records = sum(piece.count(b"\n") for piece in download.json_lines(job))
    for _ in download.csv_rows(job):
        pass
    return {
        "records": records,
        "job_s": job_s,
        "job_mb": job_mb,
        "download_s": time.monotonic() - began,
        "download_mb": _peak(),
    }


def _peak() -> float:
    """The most memory that this process has had, by Linux; getrusage counts the parent's, too."""
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / MEGABYTE


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        print(json.dumps(work()))
