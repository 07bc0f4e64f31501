"""While a line works Python looks for garbage less often, and as before afterwards."""

from __future__ import annotations

import gc
import weakref

import pytest

from events import tasks as delivery
from events.deliver import DeliveryEngine
from polling import engine as polling
from polling import tasks as polls
from worker.garbage import rare_collection


class Cycle:
    def __init__(self) -> None:
        self.itself = self


def test_everything_is_as_before_afterwards() -> None:
    before = gc.get_threshold()

    def work() -> None:
        with rare_collection():
            assert gc.get_threshold()[0] > before[0]
            assert gc.get_freeze_count() > 0
            raise ValueError("the work fails")

    with pytest.raises(ValueError, match="the work fails"):
        work()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_it_lasts_until_the_last_has_left() -> None:
    before = gc.get_threshold()
    first, second = rare_collection(), rare_collection()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() != before
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_cycles_made_meanwhile_are_still_collected() -> None:
    with rare_collection():
        gone = weakref.ref(Cycle())
        gc.collect()
        assert gone() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", ["polls", "deliveries"])
def test_the_lines_work_so(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    async def run(*_: object) -> None:
        seen.append(gc.get_freeze_count())

    monkeypatch.setattr(polling.Engine, "run", run)
    monkeypatch.setattr(DeliveryEngine, "run", run)
    (polls.poll_until if line == "polls" else delivery.deliver_until)(0.0)
    assert seen[0] > 0
    assert gc.get_freeze_count() == 0
