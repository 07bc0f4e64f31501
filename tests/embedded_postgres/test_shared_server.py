"""The embedded PostgreSQL is shared by processes, stopped by the last, and heals after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.embedded_postgres.user_process import WAIT, finish, ready, servers, start, until

pytestmark = pytest.mark.installation


def test_processes_share_one_server_and_the_last_one_out_stops_it(folder: Path) -> None:
    users = [start(folder) for _ in range(3)]
    for user in users:
        ready(user)
    assert len(servers(folder)) == 1
    finish(users[0])
    finish(users[1])
    assert len(servers(folder)) == 1
    finish(users[2])
    assert servers(folder) == []


def test_a_killed_user_does_not_count_among_the_living(folder: Path) -> None:
    killed, last = start(folder), start(folder)
    ready(killed)
    ready(last)
    killed.kill()
    killed.wait()
    finish(last)
    assert servers(folder) == []


def test_when_all_are_killed_the_next_uses_the_server_that_still_runs_and_stops_it(
    folder: Path,
) -> None:
    first = start(folder)
    ready(first)
    [server] = servers(folder)
    first.kill()
    first.wait()
    assert server.is_running()
    second = start(folder)
    ready(second)
    assert [process.pid for process in servers(folder)] == [server.pid]
    finish(second)
    assert servers(folder) == []


def test_a_killed_server_starts_again_with_what_was_committed(folder: Path) -> None:
    first = start(folder, work='connection.execute("CREATE TABLE kept AS SELECT 42 AS n")')
    ready(first)
    [server] = servers(folder)
    server.kill()
    server.wait()
    assert (folder / "data" / "postmaster.pid").exists()
    second = start(
        folder,
        work='assert connection.execute("SELECT n FROM kept").fetchone() == (42,)',
        then="pass",
    )
    finish(second)
    finish(first)


def test_a_pid_file_whose_number_belongs_to_another_program_does_not_block_the_start(
    folder: Path,
) -> None:
    first = start(folder)
    ready(first)
    [server] = servers(folder)
    server.kill()
    server.wait()
    first.kill()
    first.wait()
    note = folder / "data" / "postmaster.pid"
    lines = note.read_text().splitlines()
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    finish(start(folder, then="pass"))


def test_a_half_made_cluster_is_thrown_away(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    (folder / "new-half").mkdir()
    (folder / "new-half" / "PG_VERSION").write_text("18")
    finish(start(folder, then="pass"))
    assert not (folder / "new-half").exists()


def test_a_forked_child_neither_stops_the_server_nor_frees_its_parents_lock(folder: Path) -> None:
    forks = "import os\nif os.fork() == 0:\n    sys.exit(0)\nos.wait()\nprint('forked', flush=True)"
    parent = start(folder, then=f"{forks}\n{WAIT}")
    ready(parent)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "forked\n"
    assert len(servers(folder)) == 1
    finish(start(folder, then="pass"))
    assert len(servers(folder)) == 1
    finish(parent)
    assert servers(folder) == []


def test_a_child_keeps_the_server_up_after_its_parent(folder: Path) -> None:
    forks = "import os\nchild = os.fork()\nif child:\n    os._exit(0)"
    parent = start(folder, then=f"{forks}\n{WAIT}")
    ready(parent)
    until(lambda: parent.poll() is not None)
    assert len(servers(folder)) == 1
    parent.communicate("")
    until(lambda: servers(folder) == [])


def test_a_path_too_long_for_a_socket_gets_a_short_one(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60) / "postgres"
    if os.geteuid() == 0:
        folder.chmod(0o711)
    deep.parent.mkdir(parents=True)
    finish(start(deep, then="print(server.connection['host'])"))


def test_ctrl_c_in_the_terminal_does_not_stop_the_server_under_its_users(folder: Path) -> None:
    user = start(
        folder, then=f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{WAIT}"
    )
    ready(user)
    [server] = servers(folder)
    os.killpg(user.pid, signal.SIGINT)
    time.sleep(0.2)  # a server that took the signal would be gone by then
    assert server.is_running()
    if user.poll() is None:
        finish(user)
    else:
        server.terminate()


def test_a_server_that_cannot_start_says_why_and_what_to_do(folder: Path) -> None:
    with (folder / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    process = start(folder, then="pass")
    _, errors = process.communicate("", timeout=60)
    assert process.returncode != 0
    assert "no_such_setting" in errors
    assert "EMBEDDED_POSTGRES_DIR" in errors


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its server cannot enter")
def test_for_root_a_folder_that_only_root_may_enter_is_replaced_and_said(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    process = start(closed / "postgres", then="print(server.connection['host'])")
    printed, errors = process.communicate("", timeout=60)
    assert process.returncode == 0, errors
    used = Path(printed.splitlines()[-1]).parent
    assert str(used).startswith("/var/lib/periodic/")
    assert str(used) in errors
    assert closed.stat().st_mode & 0o077 == 0
    shutil.rmtree(used)
