"""A caller has so many requests a minute, over all processes; more are a 429 that says when."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from api import allowance, throttle
from api.allowance import Allowance
from api.models import RequestWindow
from tests.conftest import ClientFor

INSTANCES = "/elements/api-v2/instances"
ELEMENTS = "/elements/api-v2/elements/keys"


class Clock:
    """Seconds as a process counts them: none pass unless a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _product(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ROOT_URLCONF = "config.urls"
    monkeypatch.setattr(throttle, "allowance", Allowance(Clock()))


class Moment:
    """What PostgreSQL's clock says, in place of the real one: windows end when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._draw, self._forget = allowance.DRAW, allowance.FORGET
        self.set("09:30:20")

    def set(self, time: str) -> None:
        for name, statement in (("DRAW", self._draw), ("FORGET", self._forget)):
            moment = f"timestamptz '2026-01-05 {time}Z'"
            self._patch.setattr(allowance, name, statement.replace("clock_timestamp()", moment))


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch, db: None) -> Moment:
    return Moment(monkeypatch)


def test_more_than_the_limit_is_refused(
    settings: Settings, organization: NewOrganization, client_for: ClientFor
) -> None:
    settings.THROTTLE_USER = 3
    client = client_for(organization)

    answers = [client.get(INSTANCES) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
    refused = answers[-1]
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused.json()["message"].startswith("too many requests: 3 a minute are let through")
    assert refused.json()["requestId"] == refused["Elements-Request-Id"]


def test_the_next_minute_lets_requests_through_again(
    settings: Settings,
    organization: NewOrganization,
    client_for: ClientFor,
    moment: Moment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.THROTTLE_USER = 1
    clock = Clock()
    monkeypatch.setattr(throttle, "allowance", Allowance(clock))
    client = client_for(organization)
    assert [client.get(INSTANCES).status_code for _ in range(2)] == [404, 429]

    moment.set("09:31:00")
    clock.now += 40

    assert [client.get(INSTANCES).status_code for _ in range(2)] == [404, 429]


def test_an_organization_has_a_limit_of_its_own(
    settings: Settings, organization: NewOrganization, client_for: ClientFor
) -> None:
    settings.THROTTLE_ORGANIZATION = 1
    other = create_organization("Another", "other@example.com")

    assert [client_for(organization).get(INSTANCES).status_code for _ in range(2)] == [404, 429]
    assert client_for(other).get(INSTANCES).status_code == 404


def test_requests_without_secrets_count_by_address(settings: Settings) -> None:
    settings.THROTTLE_ADDRESS = 1
    client = APIClient()

    assert client.get(ELEMENTS, REMOTE_ADDR="192.0.2.1").status_code == 200
    assert client.get(ELEMENTS, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert client.get(ELEMENTS, REMOTE_ADDR="192.0.2.2").status_code == 200
    assert client.get(ELEMENTS, REMOTE_ADDR="2001:db8::1").status_code == 200
    assert client.get(ELEMENTS, REMOTE_ADDR="2001:db8::2").status_code == 429


def test_a_header_changes_no_address_unless_a_proxy_wrote_it(settings: Settings) -> None:
    settings.THROTTLE_ADDRESS = 1
    client = APIClient()
    assert client.get(ELEMENTS, headers={"X-Forwarded-For": "192.0.2.8"}).status_code == 200
    assert client.get(ELEMENTS, headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 429

    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}

    forged = {"X-Forwarded-For": "192.0.2.7, 192.0.2.9"}
    assert client.get(ELEMENTS, headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 200
    assert client.get(ELEMENTS, headers=forged).status_code == 429


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.0.2.7:4711", "192.0.2.7"),
        ("203.0.113.1, 192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8:1:2::3]:4711", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::3]", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::3", "2001:db8:1:2::/64"),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:", "unknown"),
        ("192.0.2.7:a", "unknown"),
        ("[", "unknown"),
        ("_hidden", "unknown"),
    ],
)
def test_a_proxy_may_write_the_port_behind_the_address(
    settings: Settings, rf: RequestFactory, written: str, address: str
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    assert throttle.address_of(rf.get("/", headers={"X-Forwarded-For": written})) == address


def test_wrong_secrets_count_by_address(
    settings: Settings, organization: NewOrganization, client_for: ClientFor
) -> None:
    settings.THROTTLE_REFUSALS = 2
    guessing = APIClient(headers={"Authorization": "User guess, Organization guess"})

    assert [guessing.get(INSTANCES).status_code for _ in range(3)] == [401, 401, 429]
    assert client_for(organization).get(INSTANCES).status_code == 404  # right ones still work


@pytest.mark.parametrize("path", ["/hubs/general/messages", "/messages", "/objects", "/bulk"])
def test_guessed_element_tokens_count_by_address(settings: Settings, path: str) -> None:
    settings.THROTTLE_REFUSALS = 2
    guessing = APIClient(headers={"Authorization": "User guess, Element guess"})

    answers = [guessing.get(f"/elements/api-v2{path}") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers["Retry-After"]


def test_an_ordinary_request_costs_no_query(
    settings: Settings, organization: NewOrganization, client_for: ClientFor
) -> None:
    client = client_for(organization)
    with CaptureQueriesContext(connection) as without:
        client.get(INSTANCES)
    settings.THROTTLE_USER = settings.THROTTLE_ORGANIZATION = 1000
    client.get(INSTANCES)

    with CaptureQueriesContext(connection) as counted:
        client.get(INSTANCES)

    assert len(counted) == len(without)


@pytest.mark.parametrize("limit", [1, 7, 50, 1000])
def test_several_processes_let_through_what_is_allowed_and_no_more(limit: int) -> None:
    processes = [Allowance(Clock()) for _ in range(4)]

    passed = sum(processes[turn % 4].wait("user 1", limit) == 0 for turn in range(limit * 2 + 20))

    # With requests spread evenly nothing is left unused in any of them.
    assert passed == limit


def test_one_busy_process_has_all_but_the_other_ones_block() -> None:
    idle, busy = Allowance(Clock()), Allowance(Clock())
    idle.wait("user 1", 1000)

    passed = sum(busy.wait("user 1", 1000) == 0 for _ in range(1500))

    assert 1000 * 0.95 <= passed + 1 <= 1000


@pytest.mark.django_db(transaction=True)
def test_threads_of_processes_let_no_more_through() -> None:
    limit = 400
    processes = [Allowance(Clock()), Allowance(Clock())]
    passed: list[int] = []

    def ask(process: Allowance) -> None:
        try:
            passed.append(sum(process.wait("user 1", limit) == 0 for _ in range(150)))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(processes[n % 2],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) == limit
    assert RequestWindow.objects.get().drawn == limit


def test_a_block_ends_with_its_window(moment: Moment) -> None:
    clock = Clock()
    process, other = Allowance(clock), Allowance(clock)
    assert process.wait("user 1", 40) == 0
    assert sum(other.wait("user 1", 40) == 0 for _ in range(50)) == 38  # process holds one

    moment.set("09:31:00")
    clock.now += 40

    assert sum(process.wait("user 1", 40) == 0 for _ in range(50)) == 40


def test_a_refusal_says_how_long_the_window_lasts(moment: Moment) -> None:
    process = Allowance(Clock())
    moment.set("09:30:48")
    process.wait("user 1", 1)

    assert process.wait("user 1", 1) == pytest.approx(12)
    assert process.wait("user 1", 1) == pytest.approx(12)


def test_a_refusal_is_remembered_without_asking_again() -> None:
    process = Allowance(Clock())
    process.wait("user 1", 1)
    process.wait("user 1", 1)

    with CaptureQueriesContext(connection) as asked:
        assert process.wait("user 1", 1) > 0

    assert len(asked) == 0


def test_old_windows_are_removed(moment: Moment) -> None:
    clock = Clock()
    process = Allowance(clock)
    process.wait("address 192.0.2.1", 10)

    moment.set("09:41:30")
    clock.now += 670
    process.wait("address 192.0.2.2", 10)

    assert [row.subject for row in RequestWindow.objects.all()] == ["address 192.0.2.2"]
