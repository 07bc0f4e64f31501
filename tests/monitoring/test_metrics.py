"""What /metrics tells, and that its page, its alerts and its dashboard speak of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from counters import counting
from counters.models import CounterTotal
from monitoring.database import HOT_TABLES

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "deploy" / "monitoring" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"
PREFIX = "periodic_"
LABELS = {  # that a metric may be asked by
    "periodic_polls": {"element", "outcome"},
    "periodic_delivery_attempts": {"status"},
    "periodic_requests": {"part", "status"},
    "periodic_request_duration_seconds": {"part"},
    "periodic_polling_recent_resources": {"element"},
    "periodic_polling_failing_resources": {"element"},
    "periodic_queue_due": {"queue"},
    "periodic_worker_loops": {"loop"},
    "periodic_worker_loop_quiet_seconds": {"loop"},
    "periodic_worker_clock_offset_seconds": {"host"},
    "periodic_database_dead_rows": {"table"},
    "periodic_database_live_rows": {"table"},
}


def families() -> dict[str, Metric]:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    text = answer.content.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def samples_of(family: Metric) -> set[str]:
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
    return {family.name + suffix for suffix in suffixes.get(family.type, [""])}


def expressions() -> Iterator[str]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def named(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in re.findall(r"\bperiodic_\w+", text)}


@pytest.mark.django_db
def test_every_metric_is_described_and_nothing_else_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/monitoring.md").read_text(), re.MULTILINE)
    existing = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families().values()
    }
    assert sorted(PREFIX + name for name in rows) == sorted(existing)


@pytest.mark.django_db
def test_alerts_and_dashboard_name_only_metrics_that_exist() -> None:
    existing = {sample for family in families().values() for sample in samples_of(family)}
    used = named(expressions())
    assert used - existing == set()
    assert len(used) > 20


def test_alerts_and_dashboard_ask_by_labels_that_exist() -> None:
    asked = 0
    for expression in expressions():
        for sample, matchers in re.findall(r"(periodic_\w+)\{([^}]*)\}", expression):
            family = re.sub(r"_(total|bucket|count|sum)$", "", sample)
            assert set(re.findall(r"(\w+)!?=", matchers)) <= LABELS[family]
            asked += 1
        if grouping := re.search(r"by \(([\w, ]+)\)", expression):
            families = {re.sub(r"_(total|bucket)$", "", name) for name in named([expression])}
            known = set[str]().union(*(LABELS.get(family, set()) for family in families)) | {"le"}
            assert set(grouping[1].split(", ")) <= known
            asked += 1
    assert asked > 10


def test_every_alert_says_what_to_do() -> None:
    rules: list[dict[str, Any]] = [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]
    for rule in rules:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}


@pytest.mark.django_db
def test_requests_are_counted_by_part_and_status() -> None:
    counting.store()
    CounterTotal.objects.all().delete()
    client = Client()
    client.get("/elements/api-v2/instances")  # without secrets
    client.get("/health/live")
    client.get("/health/live")
    client.get("/nothing-here")

    counted = {
        (sample.labels["part"], sample.labels["status"]): sample.value
        for sample in families()["periodic_requests"].samples
    }

    assert counted == {("api", "4xx"): 1.0, ("probes", "2xx"): 2.0, ("pages", "4xx"): 1.0}


@pytest.mark.django_db
def test_the_database_is_described() -> None:
    found = families()
    [size] = found["periodic_database_size_bytes"].samples
    assert size.value > 1_000_000
    [connections] = found["periodic_database_connections"].samples
    [most] = found["periodic_database_max_connections"].samples
    assert 1 <= connections.value <= most.value
    tables = {sample.labels["table"] for sample in found["periodic_database_dead_rows"].samples}
    assert tables == set(HOT_TABLES)
    queues = {sample.labels["queue"] for sample in found["periodic_queue_due"].samples}
    assert queues == {"polls", "bulk", "watches", "tasks"}
