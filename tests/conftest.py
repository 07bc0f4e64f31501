"""What tests share: the sandbox as the provider, an organization, clients, the test database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import structlog
from django.db import connection, transaction
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from api import allowance, throttle
from config import clock, log_rate
from config.given_postgres import trouble
from events import deliver
from integrations.gmail.sandbox.server import SandboxServer
from monitoring import readiness
from polling import engine
from quota import meter
from quota.models import QuotaBucket
from tests import database, debian_programs, static_files
from tests.browser import chromium
from transport import asynchronous, byte_budget, sync
from transport.byte_budget import ByteBudget

ClientFor = Callable[..., APIClient]

TransactionTestCase._fixture_teardown = database.empty  # type: ignore[attr-defined]  # in no stub
static_files.look_up_once()
# How long an example takes says how busy the machine is; tests/growth finds what is slow.
settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two a core: tests wait for PostgreSQL and for processes to start."""
    return 2 * (os.cpu_count() or 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("skipped", [])
    if missed := sum(chromium.MISSING in str(report.longrepr) for report in reports):
        terminalreporter.write_line(f"{missed} browser tests did not run: {chromium.MISSING}")
    if missed := sum(debian_programs.MISSING in str(report.longrepr) for report in reports):
        terminalreporter.write_line(
            f"{missed} tests of programs did not run: {debian_programs.MISSING}they need"
        )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest,
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = database.make_template()
        if request.config.getvalue("create_db"):
            database.drop_left_over()


@pytest.fixture(scope="module")
def rows_of_module(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What a module's fixtures write is there for all its tests; what one of those writes, for it
    alone. Not for tests that commit."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _clock_of_the_host(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests travel in time, and PostgreSQL's clock does not travel along: the platform goes by the
    host's, but in tests marked `postgres_clock`."""
    with pytest.MonkeyPatch.context() as patch:  # one that a test cannot undo
        patch.setattr(clock, "_known", None)
        if request.node.get_closest_marker("postgres_clock") is None:
            patch.setattr(clock, "measure", lambda _=None: 0.0)
        yield


@pytest.fixture(autouse=True)
def _no_units_in_hand() -> None:
    """A test's processes hold nothing of a quota whose buckets are no longer there."""
    meter.purse.empty()


@pytest.fixture(autouse=True)
def _database_asked_anew() -> None:
    """What an earlier test of this process made of the database says nothing of this one's."""
    readiness.forget()


@pytest.fixture(autouse=True)
def _nothing_known_of_what_is_due() -> None:
    """What this process knows of an earlier test's rows says nothing of this one's."""
    engine._organizations.forget()
    deliver._due_subscriptions.forget()


@pytest.fixture
def endless_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute whose requests throttles count does not end, and none is counted yet."""
    moment = "timestamptz '2026-01-05 09:30:20Z'"
    draw = allowance.DRAW.replace("clock_timestamp()", moment)
    monkeypatch.setattr(allowance, "DRAW", draw)
    monkeypatch.setattr(throttle, "allowance", allowance.Allowance(lambda: 0.0))


@pytest.fixture
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of the log is kept back for what an earlier test made it say, nor written as an
    earlier test had logs configured."""
    monkeypatch.setattr(log_rate, "_said", {})
    monkeypatch.setattr(trouble, "log", structlog.get_logger(trouble.__name__))
    monkeypatch.setattr(trouble, "_said", [0.0] * 3)


@pytest.fixture
def no_room() -> Iterator[Callable[[], None]]:
    """Large answers take all that there is, and small ones count, too, until this is called."""
    full = ByteBudget(capacity=1)
    assert full.reserve.acquire(blocking=False)
    patches = pytest.MonkeyPatch()
    for module in (byte_budget, sync, asynchronous):
        patches.setattr(module, "BUDGET", full)
    for module in (byte_budget, asynchronous):
        patches.setattr(module, "FREE", 0)
    patches.setattr(byte_budget, "PATIENCE", 0.1)
    yield patches.undo
    patches.undo()


@pytest.fixture
def sandbox(settings: Settings) -> Iterator[SandboxServer]:
    """A fresh Gmail sandbox, with Periodic's settings pointing at it."""
    with SandboxServer() as server:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        settings.GMAIL_API_BASE_URL = server.url
        settings.GOOGLE_AUTHORIZATION_URL = f"{server.url}/o/oauth2/v2/auth"
        settings.GOOGLE_TOKEN_URL = f"{server.url}/token"
        settings.GOOGLE_REVOKE_URL = f"{server.url}/revoke"
        yield server


@pytest.fixture
def buckets_open(transactional_db: None) -> Callable[[], None]:
    """Lets go of what a provider's refusal has closed: that ends by PostgreSQL's clock, which a
    test cannot travel with."""

    def opened() -> None:
        QuotaBucket.objects.all().delete()
        meter.purse.empty()

    return opened


@pytest.fixture
def organization(db: None) -> NewOrganization:
    return create_organization("An organization", "user@example.com")


@pytest.fixture
def client_for() -> ClientFor:
    """Makes a client with an organization's two secrets, and an instance's token where given."""

    def make(new: NewOrganization, token: str | None = None) -> APIClient:
        pairs = [f"User {new.user_secret}", f"Organization {new.organization_secret}"]
        if token is not None:
            pairs.append(f"Element {token}")
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=", ".join(pairs))
        return client

    return make


@pytest.fixture
def process_environment(transactional_db: None) -> dict[str, str]:
    """The environment of a process of ours that works on this test's database."""
    return {
        **os.environ,
        "DATABASE_URL": database.url_of(connection.settings_dict["NAME"]),
        "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "PYTHONUNBUFFERED": "1",
    }
