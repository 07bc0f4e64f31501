"""What was counted since the beginning of a test."""

from __future__ import annotations

import json
from collections.abc import Callable

from counters import counting
from counters.models import CounterTotal


def from_now_on() -> Callable[[str], dict[tuple[str, ...], float]]:
    """Returns what tells of a sample by the values of its labels, in the order of their names."""
    counting.store()
    CounterTotal.objects.all().delete()

    def counted(sample: str) -> dict[tuple[str, ...], float]:
        counting.store()
        return {
            tuple(json.loads(row.labels).values()): row.value
            for row in CounterTotal.objects.filter(sample=sample)
        }

    return counted
