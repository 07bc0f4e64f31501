"""The real qcluster goes on after every way in which PostgreSQL can be away, and loses nothing.

`make proof` tries more, for longer: tests.outages.trials has all of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outages.installation import Installation, installation
from tests.outages.real_postgres import open_folder, real_postgres
from tests.outages.trials import RESTARTS, Trial, each_process_killed, read_only

pytestmark = pytest.mark.installation

TRIALS = (
    *RESTARTS,
    Trial("PostgreSQL read-only for a moment", read_only(3)),
    Trial("each process of a host killed with -9 in turn", each_process_killed, lines=40),
)


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    with (
        open_folder() as folder,
        real_postgres(folder / "postgres") as postgres,
        installation(postgres, folder) as running,
    ):
        yield running


@pytest.mark.parametrize("trial", TRIALS, ids=[trial.name for trial in TRIALS])
def test_the_worker_goes_on_with_nothing_lost_doubled_or_false(
    running: Installation, trial: Trial
) -> None:
    assert trial.run(running).wrong == []
