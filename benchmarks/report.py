"""The results as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(__file__).resolve().parent / "results.json"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be."""

    text: str
    is_met: Callable[[float], bool]


TARGETS = {
    "idle_poll_ratio": Target("at least 0.7", lambda value: value >= 0.7),
    "idle_poll_wal_bytes": Target("at most 1,000", lambda value: value <= 1_000),
    "claim_flatness": Target("at most 1.5", lambda value: value <= 1.5),
    "claim_organizations_flatness": Target("at most 1.5", lambda value: value <= 1.5),
    "bulk_memory_ratio": Target("at most 1.2", lambda value: value <= 1.2),
    "delivery_ratio": Target("at least 0.45", lambda value: value >= 0.45),
    "held_xmin_ratio": Target("at least 0.8", lambda value: value >= 0.8),
    "change_ratio": Target("at least 0.2", lambda value: value >= 0.2),
    "change_statements": Target("at most 2", lambda value: value <= 2),
    "change_wal_bytes": Target("at most 6,000", lambda value: value <= 6_000),
    "delivery_wal_bytes": Target("at most 2,000", lambda value: value <= 2_000),
    "scale_out_ratio": Target("at least 1.7", lambda value: value >= 1.7),
    "fairness_p99_ratio": Target("at most 1.1", lambda value: value <= 1.1),
    "get_instance_ratio": Target("at least 0.5", lambda value: value >= 0.5),
    "list_instances_ms": Target("at most 100", lambda value: value <= 100),
    "slowest_admin_list_ms": Target("at most 300", lambda value: value <= 300),
    "slowest_list_ms": Target("at most 100", lambda value: value <= 100),
}


def table(results: Mapping[str, float]) -> str:
    lines = [f"{'figure':34}{'measured':>12}   target"]
    for name, value in results.items():
        target = TARGETS.get(name)
        wanted = "" if target is None else f"{target.text}: {_verdict(target, value)}"
        lines.append(f"{name:34}{_shown(value):>12}   {wanted}".rstrip())
    return "\n".join(lines)


def write(results: Mapping[str, float], *, quick: bool) -> Path:
    """Replaces the figures of the benchmarks that ran and keeps those of the others."""
    try:
        kept = json.loads(FILE.read_text())
    except (OSError, ValueError):
        kept = {}
    rounded = {name: round(value, 4) for name, value in results.items()}
    run = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "quick": quick,
    }
    FILE.write_text(json.dumps({**kept, **rounded, **run}, indent=2) + "\n")
    return FILE


def _verdict(target: Target, value: float) -> str:
    return "met" if target.is_met(value) else "MISSED"


def _shown(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
