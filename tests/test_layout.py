"""platform/ is a source root, never a package, or Python's own module of that name is shadowed."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The modules by which tests start whole servers.
STARTS = re.compile(
    r"^from tests\.(outages\.(installation|web_server|real_postgres|standby|pgbouncer|delivering)"
    r"|embedded_postgres\.user_process|demo\.started|operating(\.machine)?) import ",
    re.MULTILINE,
)


def test_platform_has_no_init_file() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_the_standard_platform_module_is_what_python_imports_in_the_project_root() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", "import platform; print(platform.__file__, platform.system())"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert str(ROOT / "platform") not in printed
    assert platform.system() in printed


def test_nothing_is_imported_as_platform_dot() -> None:
    offenders = [
        path
        for folder in ("platform", "integrations", "tests", "demo", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
        and any(
            line.startswith(("from platform.", "import platform."))
            for line in path.read_text().splitlines()
        )
    ]
    assert offenders == []


def test_what_starts_servers_is_left_to_make_test_installation() -> None:
    modules = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    starting = {path for path, text in modules.items() if STARTS.search(text)}
    assert len(starting) > 10
    assert [path for path in starting if "pytest.mark.installation" not in modules[path]] == []


def test_production_refuses_to_start_without_its_four_settings() -> None:
    safe = {
        "SECRET_KEY": "a-key-of-a-test-that-signs-nothing-which-anybody-keeps-0123456789",
        "PERIODIC_ENCRYPTION_KEYS": "MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY=",
        "ALLOWED_HOSTS": "a.example",
        "PUBLIC_URL": "https://a.example",
    }
    for missing in safe:
        environment = {name: value for name, value in safe.items() if name != missing}
        done = subprocess.run(
            [sys.executable, "-c", "import config.settings"],
            cwd=ROOT / "platform",
            env={"PERIODIC_ENV": "production", "PERIODIC_ENV_FILE": "/nonexistent", **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert f"{missing} is not set" in done.stderr
