"""What was sent and cannot be written down is sent once, and nothing else is sent meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections

from tests.events.receiver import Notification, Receiver, Reply

from .delivering import Delivering
from .small_disk import SmallDisk, small_disk

pytestmark = [
    pytest.mark.installation,
    pytest.mark.django_db(transaction=True),
    # The server that all tests share makes no checkpoint while its small disk is full.
    pytest.mark.xdist_group("full_disk"),
]
FOUND = 400  # objects
EVENTS = FOUND // 10
TURNS = 3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def disk(transactional_db: None) -> Iterator[SmallDisk]:
    with small_disk() as disk:
        yield disk


@pytest.fixture
def start(
    disk: SmallDisk, process_environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[], Delivering]]:
    started: list[Delivering] = []

    def start() -> Delivering:
        log = tmp_path / f"{len(started)}.log"
        started.append(Delivering({**process_environment, "DATABASE_URL": disk.url}, log))
        return started[-1]

    yield start
    for one in started:
        one.close()


def read_only(name: str, *, on: bool) -> None:
    """Makes the database as a standby is, for who connects from now on."""
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {on}")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE datname = %s", [name])  # fmt: skip
    other.close()


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_nothing_is_sent_twice_while_nothing_can_be_stored(
    trouble: str, disk: SmallDisk, receiver: Receiver, start: Callable[[], Delivering]
) -> None:
    def begin() -> None:
        disk.fill() if trouble == "full" else read_only(disk.name, on=True)

    def end() -> None:
        disk.empty() if trouble == "full" else read_only(disk.name, on=False)

    def answer(_: Notification) -> Reply:
        if len(receiver.received) == 1:
            begin()
        return Reply(200, body=b"x" * 1000)

    receiver.answer = answer
    one = start()
    one.record(receiver.url, FOUND)
    for _ in range(TURNS):
        one.turn()
    sent = receiver.ids()
    assert 0 < len(sent) == len(set(sent))
    assert one.statuses().count("delivered") < EVENTS
    assert len(one.said()) <= 2 * TURNS

    another = start()  # which knows nothing of it
    another.turn()
    assert receiver.ids() == sent

    end()
    for _ in range(6):
        if set(one.statuses()) != {"delivered"}:
            one.turn()
    assert sorted(receiver.ids()) == sorted(set(receiver.ids()))
    assert one.statuses() == ["delivered"] * EVENTS
