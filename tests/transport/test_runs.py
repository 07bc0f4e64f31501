"""How a runner drives a connector: what is sent in, thrown in, and that it is always closed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import override_settings

from tests.patience import PATIENCE
from tests.transport.conftest import Drive
from tests.transport.connectors import one, several
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport.asynchronous import AsyncRunner, open_session
from transport.errors import AddressRefused, ProviderUnreachable, TransportError
from transport.guard import AddressGuard
from transport.sync import run
from transport.types import Account, KnownObjects, Request, Response, Steps


def test_a_connector_that_asks_nothing_returns_its_result(drive: Drive) -> None:
    def nothing() -> Steps[str]:
        return "done"
        yield

    assert drive(nothing(), Account("http://127.0.0.1")) == "done"


def test_outcomes_come_in_the_order_of_their_requests(
    provider: ScriptedProvider, drive: Drive
) -> None:
    requests = [
        Request("GET", "/1"),
        Request("GET", "http://10.0.0.1/"),
        Request("GET", "nowhere"),
        Request("GET", "/2"),
    ]

    first, refused, unreadable, last = drive(several(requests), Account(provider.url))

    assert isinstance(first, Response)
    assert isinstance(last, Response)
    assert isinstance(refused, AddressRefused)
    assert isinstance(unreadable, AddressRefused)
    assert {seen.path for seen in provider.seen} == {"/1", "/2"}


def test_an_empty_list_is_answered_by_an_empty_list(drive: Drive) -> None:
    assert drive(several([]), Account("http://127.0.0.1")) == []


def test_at_most_ten_requests_of_a_list_are_in_flight(
    provider: ScriptedProvider, drive: Drive
) -> None:
    lock = threading.Lock()
    ten_are_here = threading.Event()
    in_flight = most = 0

    def count(connection: Any) -> None:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
            if in_flight == 10:
                ten_are_here.set()
        ten_are_here.wait(PATIENCE)
        with lock:
            in_flight -= 1
        connection.sendall(answer(200, b"{}", Connection="close"))

    provider.otherwise = count

    outcomes = drive(several([Request("GET", f"/{i}") for i in range(25)]), Account(provider.url))

    assert [outcome.status for outcome in outcomes] == [200] * 25
    assert most == 10


def test_no_answer_to_a_single_request_is_thrown_into_the_connector(
    provider: ScriptedProvider, drive: Drive
) -> None:
    def mends_it() -> Steps[Response]:
        try:
            yield Request("POST", "/down")
        except ProviderUnreachable:
            response: Response = yield Request("GET", "/other")
        return response

    provider.answers = [lambda connection: None]

    assert drive(mends_it(), Account(provider.url)).ok
    assert [seen.path for seen in provider.seen] == ["/down", "/other"]


def test_known_objects_are_answered_by_the_caller(drive: Drive) -> None:
    question = KnownObjects(ids=("a",), since=datetime(2026, 11, 1, tzinfo=UTC))
    asked: list[KnownObjects] = []

    def known(asking: KnownObjects) -> dict[str, str]:
        asked.append(asking)
        return {"a": "fingerprint"}

    def asks() -> Steps[dict[str, str]]:
        answered: dict[str, str] = yield question
        return answered

    assert drive(asks(), Account("http://127.0.0.1"), known) == {"a": "fingerprint"}
    assert asked == [question]


def test_known_objects_are_not_made_up_when_nobody_knows(drive: Drive) -> None:
    def asks() -> Steps[None]:
        yield KnownObjects()

    with pytest.raises(RuntimeError, match="known objects"):
        drive(asks(), Account("http://127.0.0.1"))


def test_a_connector_is_closed_when_it_fails(provider: ScriptedProvider, drive: Drive) -> None:
    closed: list[bool] = []

    def fails() -> Generator[Request, Any, None]:
        try:
            response = yield Request("GET", "/")
            raise KeyError(response.status)
        finally:
            closed.append(True)

    with pytest.raises(KeyError):
        drive(fails(), Account(provider.url))
    assert closed == [True]


def test_a_connector_is_closed_when_its_run_is_cancelled(provider: ScriptedProvider) -> None:
    closed: list[bool] = []

    def waits() -> Steps[None]:
        try:
            yield Request("GET", "/")
        finally:
            closed.append(True)

    async def main() -> None:
        async with open_session(2, guard=AddressGuard(["127.0.0.0/8"])) as session:
            loop, asked = asyncio.get_running_loop(), asyncio.Event()

            def hang(connection: Any) -> None:
                loop.call_soon_threadsafe(asked.set)
                provider.hang(connection)

            provider.otherwise = hang
            task = asyncio.create_task(AsyncRunner(session).run(waits(), Account(provider.url)))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as held:
                await task
            assert closed == [True]  # though the error's traceback keeps the run's frame alive
            assert held.value is not None

    asyncio.run(main())


def test_nobody_learns_by_an_elements_address_which_names_the_servers_own_network_has(
    drive: Drive,
) -> None:
    """A name that leads to a private address fails as one that leads nowhere: alike in its kind,
    its words, and its retries."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        if host == "database.internal":
            return ["10.0.0.5"]
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    drive.guard = AddressGuard(resolve=resolve)
    failures: list[TransportError] = []
    tries: list[int] = []
    for name in ("database.internal", "nothing.internal"):
        with pytest.raises(TransportError) as caught:
            drive(one(Request("GET", "/")), Account(f"https://{name}"))
        failures.append(caught.value)
        tries.append(asked.count(name))

    private, missing = failures
    assert type(private) is type(missing) is ProviderUnreachable
    assert str(private) == str(missing)
    assert "ALLOWED_PRIVATE_NETWORKS" in str(private)
    assert tries[0] == tries[1] > 1


def test_the_plain_run_goes_where_the_settings_allow(provider: ScriptedProvider) -> None:
    account = Account(provider.url)

    with override_settings(ALLOWED_PRIVATE_NETWORKS=["127.0.0.0/8"]):
        assert run(one(Request("GET", "/")), account).ok
        assert run(one(Request("GET", "/")), account).ok
    with override_settings(ALLOWED_PRIVATE_NETWORKS=[]), pytest.raises(AddressRefused):
        run(one(Request("GET", "/")), account)

    assert [seen.connection for seen in provider.seen] == [1, 1]  # kept between runs
