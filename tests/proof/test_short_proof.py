"""The proof in short, with one worker at a time. `make proof` is the long one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from integrations.gmail.sandbox.server import SandboxServer
from tests.proof.customer import Customer
from tests.proof.ledger import Ledger
from tests.proof.mailboxes import connected
from tests.proof.provider import settings_for
from tests.proof.run import Proof, Size
from tests.proof.trouble import Trouble
from tests.proof.verdict import forget_cursors, keep_cursors

pytestmark = pytest.mark.installation

SHORT = Size(changes=600, acts=2, at_once=1)
SEED = 1


@pytest.fixture
def _cursors_kept(transactional_db: None) -> Iterator[None]:
    keep_cursors()
    yield
    forget_cursors()


@pytest.mark.usefixtures("_cursors_kept")
def test_lost_0_stored_twice_0_under_two_ids_0_moved_back_0(
    customer: Customer, settings: Settings, tmp_path: Path
) -> None:
    """Killed before and after the statements of claim and commit, while faults are served."""
    state = tmp_path / "sandbox"
    with SandboxServer(state=str(state), seed="proof") as sandbox:
        environment = settings_for(sandbox.url)
        for name, value in environment.items():
            setattr(settings, name, value)
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        ledger = Ledger(state)
        ledger.begin()
        mailboxes = list(connected(sandbox.control, customer.receiver, [2, 1]))
        story, deaths = random.Random(SEED), random.Random(SEED)  # noqa: S311 - no secrets
        given = connection.get_connection_params()
        proof = Proof(
            SHORT,
            deaths,
            ledger,
            sandbox.control,
            customer,
            Trouble(sandbox.control, story, mailboxes, expiry=0.15),
            database={
                "ENGINE": "django.db.backends.postgresql",
                "NAME": given["dbname"],
                **{name.upper(): given.get(name, "") for name in ("user", "host", "port")},
            },
            environment={**environment, "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"},
        )
        verdict = proof.run()
    assert verdict.wrong == []
    assert sum(one.done.total() for one in proof.kills.values()) > 10
    assert verdict.figures["gaps in the history recovered"] > 0
    assert verdict.figures["repeated under the same id"] > 0
    assert sum(proof.trouble.served.values()) > 10
