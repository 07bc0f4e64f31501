"""The Django backend over the embedded PostgreSQL: threads, children, restarts, hostile places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded_postgres.user_process import ROOT, servers, until

pytestmark = pytest.mark.installation

APPLICATION = """
import os, psutil, sys, time
sys.path.insert(0, {platform!r})
import django
from django.conf import settings
settings.configure(
    USE_TZ=True,
    DATABASES={{"default": {{"ENGINE": "config.postgres", "NAME": "periodic"}}}},
    EMBEDDED_POSTGRES_DIR={folder!r},
    DATABASE_STATEMENT_SECONDS={{}},
)
django.setup()
from django.db import connection

def ask(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]

def kill_the_server():
    with open({folder!r} + "/data/postmaster.pid") as note:
        pid = int(note.readline())
    os.kill(pid, 9)
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":
        time.sleep(0.01)

{work}
"""


def application(folder: Path, work: str, **variables: str) -> subprocess.Popen[str]:
    script = APPLICATION.format(platform=str(ROOT / "platform"), folder=str(folder), work=work)
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EMBEDDED_POSTGRES_FSYNC": "off", **variables},
    )


def printed(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate("", timeout=60)
    assert process.returncode == 0, errors
    return output.split()


def test_the_next_connection_of_a_living_process_starts_a_killed_server_again(
    folder: Path,
) -> None:
    work = "print(ask('SELECT 1'))\nkill_the_server()\nconnection.close()\nprint(ask('SELECT 2'))\n"
    assert printed(application(folder, work)) == ["1", "2"]
    assert servers(folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_killed_server_that_nobody_reaps_does_not_block_the_start(folder: Path) -> None:
    adopts_orphans = "import ctypes\nassert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0\n"
    work = (
        "import time\nask('SELECT 1')\nkill_the_server()\nconnection.close()\n"
        "dead = [p for p in psutil.Process().children() if p.name() == 'postgres']\n"
        "for _ in range(1000):\n"
        "    if all(p.status() == 'zombie' for p in dead): break\n"
        "    time.sleep(0.01)\n"
        "print(*(p.status() for p in dead), ask('SELECT 2'))\n"
    )
    assert printed(application(folder, adopts_orphans + work))[-2:] == ["zombie", "2"]


def test_threads_that_connect_at_once_share_one_lock_and_the_server_stops_after_them(
    folder: Path,
) -> None:
    work = """
import threading
together = threading.Barrier(8)
answers = []
def connect():
    together.wait()
    answers.append(ask("SELECT 1"))
    connection.close()
threads = [threading.Thread(target=connect) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for answer in answers: print(answer, flush=True)
"""
    assert printed(application(folder, work)) == ["1"] * 8
    assert servers(folder) == []


def test_a_multiprocessing_child_that_is_last_stops_the_server(folder: Path) -> None:
    work = """
import multiprocessing
def child():
    sys.stdin.read()
    os.write(1, str(ask("SELECT 2")).encode())
print(ask("SELECT 1"), flush=True)
connection.close()
stdin = os.dup(0)
def adopted():
    sys.stdin = os.fdopen(stdin)
    child()
multiprocessing.get_context("fork").Process(target=adopted).start()
os._exit(0)
"""
    assert printed(application(folder, work)) == ["1", "2"]
    until(lambda: servers(folder) == [])


def test_a_server_without_a_free_connection_is_not_taken_for_a_dead_one(folder: Path) -> None:
    work = """
import psycopg
from config.postgres.server import embedded_postgres
ask("SELECT 1")
server = embedded_postgres(settings.EMBEDDED_POSTGRES_DIR)
held = []
try:
    while True:
        held.append(psycopg.connect(**server.connection, dbname="postgres"))
except psycopg.OperationalError as error:
    assert "too many clients" in str(error), error
print("full", flush=True)
sys.stdin.read()
"""
    full = application(folder, work)
    assert full.stdout is not None
    assert full.stdout.readline() == "full\n"
    _, errors = application(folder, "ask('SELECT 1')").communicate("", timeout=60)
    assert "OperationalError" in errors.splitlines()[-1]
    assert "too many clients" in errors.splitlines()[-1]
    assert printed(full) == []


def test_processes_with_different_temporary_folders_find_the_same_socket(
    folder: Path, tmp_path: Path
) -> None:
    deep = folder / ("d" * 60) / ("e" * 60) / "postgres"
    first = application(
        deep, "print(ask('SELECT 1'), flush=True)\nsys.stdin.read()", TMPDIR=str(tmp_path)
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "1\n"
    assert printed(application(deep, "print(ask('SELECT 2'))")) == ["2"]
    assert printed(first) == []


@pytest.mark.parametrize("name", ["with blank", "with'quote", "with,comma"])
def test_unusual_characters_in_the_path(folder: Path, name: str) -> None:
    odd = folder.rename(folder.with_name(f"{folder.name} {name}"))
    assert printed(application(odd, "print(ask('SELECT 1'))")) == ["1"]


def test_a_path_that_a_shell_would_read_is_refused_with_a_reason(folder: Path) -> None:
    _, errors = application(folder / "$HOME", "ask('SELECT 1')").communicate("", timeout=60)
    assert "dollar" in errors
    assert not (folder / "$HOME").exists()


def test_a_folder_with_other_files_is_refused_and_left_as_it_was(folder: Path) -> None:
    folder.chmod(0o711)
    used = folder / "letters"
    used.mkdir(mode=0o755)
    (used / "letter.txt").touch()
    before = used.stat()
    _, errors = application(used, "ask('SELECT 1')").communicate("", timeout=60)
    assert f"{used} holds other files" in errors
    after = used.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert [path.name for path in used.iterdir()] == ["letter.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server is another user")
def test_a_strict_umask_of_root_does_not_shut_the_server_out(folder: Path) -> None:
    work = "print(ask('SELECT 1'))"
    new = folder / "missing" / "postgres"
    folder.chmod(0o711)
    assert printed(application(new, f"os.umask(0o077)\n{work}")) == ["1"]


def test_the_servers_log_holds_no_statement(folder: Path) -> None:
    work = """
from django.db import DatabaseError
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE secrets (secret text UNIQUE)")
try:
    ask("INSERT INTO secrets VALUES ('open-sesame'), ('open-sesame')")
except DatabaseError as error:
    print(type(error).__name__)
"""
    assert printed(application(folder, work)) == ["IntegrityError"]
    assert "ready to accept connections" in (folder / "log").read_text()
    assert "sesame" not in (folder / "log").read_text()
