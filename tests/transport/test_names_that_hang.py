"""Names whose look-up hangs: they keep nobody waiting but those who asked for them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from transport.resolver import Resolver
from transport.shares import on_behalf_of

PUBLIC = "93.184.215.14"


class Names:
    """A system's resolver: what begins with `hang` hangs until it is let go."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.gone_on = threading.Event()

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked[host] += 1
        if host.startswith("hang"):
            self.gone_on.wait()
        if host.startswith("none"):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [PUBLIC]


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.gone_on.set()


async def look_up(resolver: Resolver, host: str, owner: int) -> list[str] | int:
    """The addresses, or the number of the error."""
    with on_behalf_of(owner):
        try:
            return await resolver.aaddresses(host, 443)
        except socket.gaierror as error:
            return error.errno or 0


def test_a_good_name_of_another_owner_is_looked_up_at_once(names: Names) -> None:
    resolver = Resolver(names, lookups=12, within=300)

    async def story() -> tuple[float, list[str] | int]:
        hanging = [asyncio.create_task(look_up(resolver, f"hang{n}", 1)) for n in range(100)]
        await asyncio.sleep(0)
        began = time.monotonic()
        found = await look_up(resolver, "good", 2)
        took = time.monotonic() - began
        names.gone_on.set()
        await asyncio.gather(*hanging)
        return took, found

    took, found = asyncio.run(story())
    assert found == [PUBLIC]
    assert took < 150  # of the 300 that the others wait


def test_an_owner_has_a_share_of_the_look_ups_and_its_others_follow(names: Names) -> None:
    resolver = Resolver(names, lookups=12, within=300)

    async def story() -> tuple[int, list[list[str] | int]]:
        hanging = [asyncio.create_task(look_up(resolver, f"hang{n}", 1)) for n in range(20)]
        await asyncio.sleep(0)
        running = sum(names.asked.values())
        names.gone_on.set()
        return running, await asyncio.gather(*hanging)

    running, found = asyncio.run(story())
    assert running <= 8
    assert found == [[PUBLIC]] * 20


@pytest.mark.parametrize("asynchronous", [True, False])
def test_who_asks_waits_only_so_long(names: Names, asynchronous: bool) -> None:
    resolver = Resolver(names, lookups=3, within=0.05)

    for host in ("hang1", "hang2", "hang3", "hang4"):  # the last two do not even begin
        if asynchronous:
            assert asyncio.run(look_up(resolver, host, 1)) == socket.EAI_AGAIN
        else:
            with pytest.raises(socket.gaierror), on_behalf_of(1):
                resolver.addresses(host, 443)
    assert set(names.asked) <= {"hang1", "hang2"}


def test_a_name_is_asked_once_by_all_of_an_owner_and_remembered_for_all(names: Names) -> None:
    resolver = Resolver(names)

    async def story() -> list[list[str] | int]:
        many = (look_up(resolver, "good", owner) for owner in (1, 1, 1))
        return [*await asyncio.gather(*many), await look_up(resolver, "good", 2)]

    assert asyncio.run(story()) == [[PUBLIC]] * 4
    assert names.asked == {"good": 1}


def test_a_name_without_an_address_is_asked_again_each_time(names: Names) -> None:
    resolver = Resolver(names)

    assert [asyncio.run(look_up(resolver, "none", 1)) for _ in range(2)] == [
        socket.EAI_NONAME,
        socket.EAI_NONAME,
    ]
    assert names.asked == {"none": 2}


def test_addresses_are_remembered_for_a_while_only(names: Names) -> None:
    resolver = Resolver(names, remembered_for=0.02)

    resolver.addresses("good", 443)
    time.sleep(0.03)
    resolver.addresses("good", 443)

    assert names.asked == {"good": 2}


def test_a_name_is_looked_up_once_the_system_has_threads_again(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(names, lookups=1, within=0.2)

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(socket.gaierror):
            resolver.addresses("good", 443)

    assert resolver.addresses("good", 443) == [PUBLIC]
    assert resolver.addresses("other", 443) == [PUBLIC]
