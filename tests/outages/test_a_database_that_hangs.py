"""A database that hangs holds no thread of the web server for long, and live never asks it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker
from requests import Response

from accounts.provision import NewOrganization, create_organization
from tests.embedded_postgres.conftest import folder, template  # noqa: F401 - fixtures
from tests.embedded_postgres.user_process import servers
from tests.outages.forwarder import Forwarder, hanging_postgres
from tests.outages.web_server import WebServer, web_server

pytestmark = pytest.mark.installation

API = "/elements/api-v2"
THREADS = 4
# Seconds: a statement, its cancelling, a connection; a request may come to each of them once.
STATEMENT, CONNECT = 1.0, 5.0
BOUND = 2 * (STATEMENT + 5.0 + CONNECT)
QUICK = {"DATABASE_WEB_STATEMENT_SECONDS": str(STATEMENT)}


def secrets_of(new: NewOrganization) -> str:
    return f"User {new.user_secret}, Organization {new.organization_secret}"


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[Forwarder]:
    given = connection.get_connection_params()
    proxy = hanging_postgres(given["host"], given["port"])
    yield proxy
    proxy.close()


def test_requests_end_in_503_and_go_on_when_it_answers_again(
    proxy: Forwarder, process_environment: dict[str, str]
) -> None:
    secrets = secrets_of(create_organization("Acme", "hang@example.com"))
    name = connection.settings_dict["NAME"]
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}?connect_timeout=2"
    with web_server({**process_environment, **QUICK, "DATABASE_URL": url}, THREADS) as server:
        for answer in server.get_many(f"{API}/accounts", THREADS, secrets):
            assert answer.status_code == 200

        proxy.hang()
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(server.get_many, f"{API}/accounts", 30, secrets)
            assert live_while_others_hang(server, asked) < STATEMENT
            answers = asked.result()

        assert {answer.status_code for answer in answers} == {503}
        assert {answer.headers["Retry-After"] for answer in answers} == {"5"}
        assert "database cannot be reached" in answers[0].json()["message"]
        assert max(answer.elapsed.total_seconds() for answer in answers) < BOUND
        assert server.get("/health/live").elapsed.total_seconds() < STATEMENT
        assert server.get("/health/ready").status_code == 503
        page = server.get("/", session="of nobody")
        assert page.status_code == 503
        assert page.headers["Retry-After"] == "5"
        assert "database cannot be reached" in page.text

        proxy.resume()
        server.get_until(f"{API}/accounts", 200, secrets)


def live_while_others_hang(server: WebServer, others: Future[list[Response]]) -> float:
    """Return how many seconds the slowest of some answers took, from the first moment on."""
    slowest = 0.0
    for _ in range(10):
        time.sleep(STATEMENT / 5)
        assert not others.done()
        answer = server.get("/health/live")
        assert answer.status_code == 200
        slowest = max(slowest, answer.elapsed.total_seconds())
    return slowest


def test_a_stopped_postgresql_is_given_up(
    folder: Path,  # noqa: F811
    django_db_blocker: DjangoDbBlocker,
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        **QUICK,
        "EMBEDDED_POSTGRES_DIR": str(folder),
    }
    with web_server(environment, THREADS) as server:
        server.get_many("/health/ready", THREADS)  # connects
        [postmaster] = servers(folder)
        stopped = [*postmaster.children(), postmaster]
        try:
            _signal(stopped, signal.SIGSTOP)
            answers = server.get_many(f"{API}/accounts", 12, "User x, Organization y")
            assert {answer.status_code for answer in answers} == {503}
            assert "cannot be reached" in answers[0].json()["message"]
            assert max(answer.elapsed.total_seconds() for answer in answers) < BOUND
            assert server.get("/health/live").elapsed.total_seconds() < STATEMENT
        finally:
            _signal(stopped, signal.SIGCONT)
        _wait_for_tables_to_be_missed(server)


def _wait_for_tables_to_be_missed(server: WebServer) -> None:
    """It answers again: the server has no tables."""
    answer = server.get_until(f"{API}/accounts", 503, "User x, Organization y")
    while "cannot be reached" in answer.json()["message"]:
        answer = server.get(f"{API}/accounts", "User x, Organization y")
    assert "migrate" in answer.json()["message"]


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        process.send_signal(number)
