"""A backup made while web and worker run is restored: all goes on, and what is told twice is known.

docs/backup.md says the same: only changes that were found after the backup come again, as new
events under new webhook ids.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.outages.installation import Installation, installation, until
from tests.outages.real_postgres import SUPERUSER, open_folder, real_postgres

pytestmark = pytest.mark.installation


def ids_of(running: Installation, message: str) -> set[str]:
    """The webhook ids under which a mail was told of."""
    return {
        webhook_id
        for webhook_id, told in list(running.customer.told.items())
        if message in {one.object_id for one in told}
    }


def until_told(running: Installation, messages: Iterable[str], times: int) -> None:
    for message in messages:
        until(lambda: len(ids_of(running, message)) >= times, otherwise=f"{message} is not told")  # noqa: B023 - asked at once


def test_it_goes_on_with_nothing_lost_and_only_later_changes_told_again() -> None:
    with (
        open_folder() as folder,
        real_postgres(folder / "postgres") as postgres,
        installation(postgres, folder, mailboxes=3) as running,
    ):
        file = folder / "one.backup"
        with running.mails_coming():
            running.flows_within()
            before = list(running.sent[:-1])
            until_told(running, before, 1)
            running.manage("backup", str(file))
            since = {running.send() for _ in range(6)}
            until_told(running, since, 1)
        for host in running.hosts:
            host.kill()
        missed = running.send()  # while nothing runs

        with postgres.connect() as connection:
            connection.execute("CREATE DATABASE restored")
        url = f"postgresql://{SUPERUSER}@127.0.0.1:{postgres.port}/restored"
        running.manage("restore", str(file), url=url)
        running.host(url)

        until_told(running, since, 2)
        until_told(running, [*running.sent, missed], 1)
        assert {len(ids_of(running, message)) for message in before} == {1}
        assert {len(ids_of(running, message)) for message in since} == {2}
        assert running.customer.faults == []  # no webhook id came with two bodies
        events = list(running.customer.events.values())
        assert len(events) == len(set(events))
        told = {one.object_id for each in running.customer.told.values() for one in each}
        assert told == set(running.sent)
