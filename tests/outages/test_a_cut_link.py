"""PostgreSQL ends what it holds for a host whose link was cut, and nobody waits for its locks."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from config.given_postgres.connection import Connection
from config.given_postgres.limits import SESSION
from tests.outages.cut_link import CutLink, cut_link
from tests.outages.installation import until
from tests.outages.real_postgres import RealPostgres, open_folder, real_postgres

pytestmark = pytest.mark.installation

SOON = {
    "tcp_keepalives_idle": 1,
    "tcp_keepalives_interval": 1,
    "tcp_keepalives_count": 2,
    "tcp_user_timeout": 2_000,
}


@pytest.fixture
def link() -> Iterator[CutLink]:
    with cut_link() as link:
        if link is None:
            pytest.skip("a network of its own can only be made by root")
        yield link


@pytest.fixture
def postgres(link: CutLink) -> Iterator[RealPostgres]:
    with open_folder() as folder, real_postgres(folder / "postgres", link.server) as postgres:
        yield postgres


def test_its_sessions_and_their_locks_end(
    link: CutLink, postgres: RealPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SOON.items():
        monkeypatch.setitem(SESSION, name, value)

    with postgres.connect() as nearby:
        nearby.execute("CREATE TABLE held AS SELECT 1 AS number")
        nearby.execute("SET lock_timeout = '10s'")
        cut_off, idle = (
            link.behind(lambda: Connection.connect(link.url(postgres))) for _ in range(2)
        )
        for connection in (cut_off, idle):
            connection.set_limits_of_session()
        cut_off.execute("UPDATE held SET number = 2")
        assert link.sessions(nearby) == 2
        link.cut()
        began = time.monotonic()

        nearby.execute("UPDATE held SET number = 3 WHERE number = 1")

        assert nearby.execute("SELECT number FROM held").fetchone() == (3,)
        until(lambda: link.sessions(nearby) == 0, 10, "sessions are left")
        assert time.monotonic() - began > 1, "the cut was not what ended them"
        for connection in (cut_off, idle):
            connection.close()
