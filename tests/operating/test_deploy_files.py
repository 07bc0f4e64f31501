"""What `deploy/` ships for systemd and for containers is valid, and confined as the guide says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import get_commands
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


OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == "periodic"]


@pytest.mark.parametrize("name", OURS)
def test_what_a_container_of_ours_runs_is_in_the_image(name: str) -> None:
    service = COMPOSE["services"][name]
    check = service.get("healthcheck", {}).get("test", ["CMD"])
    assert check[0] == "CMD"
    for program, script, *arguments in filter(None, (service.get("command"), check[1:])):
        assert program == ".venv/bin/python"
        assert (ROOT / script).is_file()
        if script == "manage.py":
            assert arguments[0] in get_commands()
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_what_the_compose_file_names_is_there() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] == (
                "service_completed_successfully" if needed == "migrate" else "service_healthy"
            )
        assert {one["source"] for one in service.get("configs", [])} <= set(COMPOSE["configs"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in {*COMPOSE["volumes"], "./tls"} or (DEPLOY / source).is_file()


def test_the_files_that_the_guide_has_one_write_are_those_of_the_compose_file() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text().partition("## Containers")[2]
    written = dict(
        re.findall(r"> (environment) <<END\n(.*?)^END$", guide, re.DOTALL | re.MULTILINE)
    )
    files = {service.get("env_file") for service in COMPOSE["services"].values()} - {None}
    assert files == {*written, "database.environment"}
    assert "> database.environment\n" in guide
    values = dict(line.split("=", 1) for line in written["environment"].splitlines())
    documented = (ROOT / "docs" / "settings.md").read_text()
    assert [name for name in values if f"`{name}`" not in documented] == []
    database = urlsplit(values["DATABASE_URL"])
    given = COMPOSE["services"]["database"]["environment"]
    assert database.hostname == "database"
    assert (database.username, database.path) == (
        given["POSTGRES_USER"],
        f"/{given['POSTGRES_DB']}",
    )
    assert database.password == "$PASSWORD"


def test_nginx_and_the_health_checks_ask_the_port_that_the_image_serves() -> None:
    (port,) = re.findall(r"^EXPOSE (\d+)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert f"WEB_BIND=0.0.0.0:{port} " in (DEPLOY / "Containerfile").read_text()
    assert f"server web:{port};" in COMPOSE["configs"]["hosts"]["content"]
    assert COMPOSE["services"]["worker"]["healthcheck"]["test"][-1] == f"http://web:{port}"
    assert f"127.0.0.1:{port}" in (DEPLOY / "health.py").read_text()


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
