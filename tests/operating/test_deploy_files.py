"""What `deploy/` ships for systemd and for containers is valid, and confined as the guide says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TOOLS = Path(sys.executable).parent
SECRET = ("SECRET_KEY", "PERIODIC_ENCRYPTION_KEYS", "DATABASE_URL", "POSTGRES_PASSWORD")
COMPOSE: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")


def printed(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_the_compose_file_is_one() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    assert printed(TOOLS / "check-jsonschema", *schema, DEPLOY / "compose.yaml") == ""


def test_the_containerfile_is_one() -> None:
    assert printed(TOOLS / "hadolint", DEPLOY / "Containerfile") == ""


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_has_no_root_writes_to_memory_alone_and_stops_in_time(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["user"] not in {"root", "0"}
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108 - the container's own
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["stop_grace_period"] == "10s"
    assert ("healthcheck" in service) == (name != "migrate")


def test_no_file_of_deploy_holds_a_secret() -> None:
    for service in COMPOSE["services"].values():
        assert not set(service.get("environment", {})) & set(SECRET)
    for line in (DEPLOY / "Containerfile").read_text().splitlines():
        assert not any(name in line for name in SECRET)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", "deploy/environment", "deploy/database.environment", "deploy/tls"} <= set(
        ignored
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd's programs")
@pytest.mark.parametrize("unit", sorted(DEPLOY.glob("*.service")), ids=lambda unit: unit.stem)
def test_units_are_valid_and_confined(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name  # with a program that there is on this machine
    here.write_text(unit.read_text().replace("/opt/periodic/.venv/bin/python", sys.executable))
    assert printed("systemd-analyze", "verify", here) == ""
    exposed = ("security", "--offline=yes", "--threshold=25")  # of 100, which is no confinement
    assert printed("systemd-analyze", *exposed, here) == ""
