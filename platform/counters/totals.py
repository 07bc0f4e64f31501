"""The sums of all processes, as Prometheus reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.registry import Collector

from counters.families import FAMILIES
from counters.models import CounterTotal

_FAMILY = re.compile(r"_(total|bucket|count|sum)$")


class Totals(Collector):
    """Every family of counters.families with the stored sums.

    Raises the database's errors.
    """

    def collect(self) -> Iterator[Metric]:
        samples: dict[str, list[tuple[str, dict[str, str], float]]] = {}
        for sample, labels, value in CounterTotal.objects.values_list("sample", "labels", "value"):
            family = _FAMILY.sub("", sample)
            samples.setdefault(family, []).append((sample, json.loads(labels), value))
        for one in FAMILIES:
            summed = Metric(one.name, one.says, "histogram" if one.buckets else "counter")
            for name, labelled, value in sorted(samples.get(one.name, ()), key=_place):
                summed.add_sample(name, labelled, value)
            yield summed


def _place(sample: tuple[str, dict[str, str], float]) -> tuple[list[tuple[str, str]], str, float]:
    """Keep the samples of a histogram together, its buckets from small to large."""
    name, labels, _ = sample
    of = sorted((key, value) for key, value in labels.items() if key != "le")
    return of, name, float(labels.get("le", "inf"))
