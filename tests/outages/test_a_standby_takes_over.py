"""The primary is lost and its standby promoted: web and worker go on, and nothing is lost.

The steps are those of docs/backup.md.
"""

from __future__ import annotations

import pytest

from tests.outages.installation import installation
from tests.outages.real_postgres import open_folder
from tests.outages.standby import postgres_with_standby
from tests.outages.trials import FAILOVER

pytestmark = pytest.mark.installation


def test_web_and_worker_go_on_with_the_standby() -> None:
    with (
        open_folder() as folder,
        postgres_with_standby(folder / "postgres") as pair,
        installation(pair, folder) as running,
    ):
        web = running.web()
        assert web.get("/health/ready").status_code == 200

        assert FAILOVER.run(running).wrong == []

        web.get_until("/health/ready", 200)
        with pair.connect() as connection:
            asked = connection.execute("SELECT inet_server_port(), pg_is_in_recovery()")
            assert asked.fetchone() == (pair.standby.port, False)
