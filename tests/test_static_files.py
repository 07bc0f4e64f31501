"""What `collectstatic` makes for production, and that the web server does not start without it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"""(?:\{% static |\bstatic\()["']([^"']+)["']""")
IMPORTED = re.compile(r"""from "\./([^"]+)";""")
HASHED = re.compile(r"\.[0-9a-f]{12}\.")


def production(static: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PERIODIC_ENV": "production",
        "PERIODIC_ENV_FILE": os.devnull,
        "SECRET_KEY": "a-key-of-a-test-that-signs-nothing-which-anybody-keeps-0123456789",
        "PERIODIC_ENCRYPTION_KEYS": "MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY=",
        "ALLOWED_HOSTS": "a.example",
        "PUBLIC_URL": "https://a.example",
        "STATIC_ROOT": str(static),
    }


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    static = tmp_path_factory.mktemp("static")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT, env=production(static), check=True,
    )  # fmt: skip
    return static


@pytest.mark.xdist_group("static_files")
def test_every_file_that_a_page_names_is_kept_under_a_hashed_name(collected: Path) -> None:
    manifest = json.loads((collected / "staticfiles.json").read_text())["paths"]
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "platform").rglob("*.py")]
    named = {name for source in sources for name in NAMED.findall(source.read_text())}
    assert {"console/console.css", "administration/icon.svg"} <= named
    assert named - manifest.keys() == set()
    for name in named:
        assert HASHED.search(manifest[name])
        assert (collected / manifest[name]).exists()


@pytest.mark.xdist_group("static_files")
def test_scripts_import_one_another_by_hashed_names(collected: Path) -> None:
    scripts = [path for path in (collected / "console").glob("*.js") if HASHED.search(path.name)]
    imported = [name for script in scripts for name in IMPORTED.findall(script.read_text())]
    assert len(imported) > 5
    for name in imported:
        assert HASHED.search(name)
        assert (collected / "console" / name).exists()


@pytest.mark.xdist_group("static_files")
def test_text_is_kept_compressed_beside_it(collected: Path) -> None:
    for path in collected.rglob("console/*.css"):
        assert path.with_name(f"{path.name}.gz").stat().st_size < path.stat().st_size


def test_the_web_server_says_what_to_run_before_it_was_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "gunicorn", "--chdir", "platform", "--no-control-socket",
            "--worker-class", "config.web_worker.Worker", "--bind", "127.0.0.1:0", "config.wsgi",
        ],
        cwd=ROOT, env=production(tmp_path), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    assert f"Static files are missing in {tmp_path}. Run: python manage.py collectstatic" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
