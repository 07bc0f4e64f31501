"""What was backed up is there again, whole, here and on another server; or nothing is changed."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from accounts.provision import NewOrganization
from events.models import Event
from instances.models import ElementInstance
from tests.api import test_isolation as endpoints
from tests.backup.conftest import ROOT, Manage
from tests.backup.older_server import OlderServer

pytestmark = [pytest.mark.installation, pytest.mark.django_db(transaction=True)]

PASSPHRASE = {"BACKUP_PASSPHRASE": "a passphrase of some length"}
READ = (
    "from instances.models import ElementInstance as I; "
    "print([(one.name, one.token) for one in I.objects.order_by('pk')])"
)


@pytest.fixture
def token(organization: NewOrganization) -> str:
    """Of an instance with a subscription and an event on its way."""
    return endpoints.connect(organization, "mailbox").token


@pytest.fixture
def file(manage: Manage, token: str, tmp_path: Path) -> Path:
    path = tmp_path / "one.backup"
    done = manage("backup", str(path), "--with-keys", **PASSPHRASE)
    assert done.returncode == 0, done.stderr
    return path


def rows(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    assert found is not None
    return int(found[0])


def tables(url: str) -> int:
    return rows(url, "pg_tables WHERE schemaname = 'public'")


def test_all_of_it_is_back(manage: Manage, file: Path, token: str, empty_database: str) -> None:
    done = manage("restore", str(file), url=empty_database)

    assert done.returncode == 0, done.stderr
    assert token in manage("shell", "-v", "0", "-c", READ, url=empty_database).stdout
    assert rows(empty_database, "events_event") == Event.objects.count() == 1
    assert manage("migrate", "--check", url=empty_database).returncode == 0
    assert file.stat().st_mode & 0o077 == 0


def test_it_moves_to_an_older_server_and_back(
    manage: Manage,
    file: Path,
    token: str,
    older_server: OlderServer,
    empty_database: str,
    tmp_path: Path,
) -> None:
    older = older_server.new_database("moved")
    done = manage("restore", str(file), url=older)
    assert done.returncode == 0, done.stderr
    assert token in manage("shell", "-v", "0", "-c", READ, url=older).stdout

    back = tmp_path / "back.backup"
    assert manage("backup", str(back), url=older).returncode == 0
    done = manage("restore", str(back), url=empty_database)
    assert done.returncode == 0, done.stderr
    assert token in manage("shell", "-v", "0", "-c", READ, url=empty_database).stdout


def test_what_an_extension_has_in_the_database_is_neither_saved_nor_removed(
    manage: Manage, file: Path, older_server: OlderServer, empty_database: str, tmp_path: Path
) -> None:
    """Managed servers come with some, such as pg_stat_statements, in the schema of the tables."""
    url = older_server.new_database("extended")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE TABLE of_the_extension AS SELECT 1")
        connection.execute("ALTER EXTENSION pg_stat_statements ADD TABLE of_the_extension")

    for more in ((), ("--replace",)):
        done = manage("restore", str(file), *more, url=url)
        assert done.returncode == 0, done.stderr
    assert rows(url, "of_the_extension") == 1
    assert rows(url, "pg_views WHERE viewname = 'pg_stat_statements'") == 1

    back = tmp_path / "back.backup"
    assert manage("backup", str(back), url=url).returncode == 0
    done = manage("restore", str(back), url=empty_database)
    assert done.returncode == 0, done.stderr


def test_ids_given_since_are_not_given_again(
    manage: Manage, file: Path, empty_database: str
) -> None:
    assert manage("restore", str(file), url=empty_database).returncode == 0
    with psycopg.connect(empty_database) as connection:
        sequence = "pg_get_serial_sequence('events_event', 'id')"
        found = connection.execute(f"SELECT nextval({sequence})").fetchone()
    assert found is not None
    assert found[0] > 1_000_000_000 + Event.objects.latest("pk").pk


def test_what_is_there_is_lost_only_when_that_is_said(
    manage: Manage, file: Path, empty_database: str
) -> None:
    assert manage("restore", str(file), url=empty_database).returncode == 0
    refused = manage("restore", str(file), url=empty_database)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    assert "--replace" in refused.stderr
    done = manage("restore", str(file), "--replace", url=empty_database)
    assert done.returncode == 0, done.stderr
    assert rows(empty_database, "events_event") == 1


def test_it_waits_for_nobody_and_refuses_while_others_are_connected(
    manage: Manage, file: Path, empty_database: str
) -> None:
    with psycopg.connect(empty_database, application_name="somebody"):
        refused = manage("restore", str(file), url=empty_database)
    assert refused.returncode == 1
    assert "somebody" in refused.stderr
    assert tables(empty_database) == 0


def test_a_file_that_is_cut_or_changed_restores_nothing(
    manage: Manage, file: Path, empty_database: str, tmp_path: Path
) -> None:
    whole = file.read_bytes()
    cut, changed = tmp_path / "cut", tmp_path / "changed"
    cut.write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    changed.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])

    for path, why in ((cut, "cut off"), (changed, "damaged"), (tmp_path / "none", "No such")):
        refused = manage("restore", str(path), url=empty_database)
        assert refused.returncode == 1
        assert why in refused.stderr
    assert tables(empty_database) == 0


def test_a_dump_that_ends_too_early_is_not_committed(
    manage: Manage, file: Path, empty_database: str, tmp_path: Path
) -> None:
    """As when it was made badly: the file is whole, and what is in it is not."""
    short = tmp_path / "short"
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(short, "w") as made:
        made.writestr("manifest.json", whole.read("manifest.json"))
        dump = whole.read("database.dump")
        made.writestr("database.dump", dump[: len(dump) * 3 // 4])
    refused = manage("restore", str(short), url=empty_database)
    assert refused.returncode == 1
    assert "nothing was restored" in refused.stderr
    assert tables(empty_database) == 0


def test_rows_that_are_missing_are_noticed_before_it_is_committed(
    manage: Manage, file: Path, empty_database: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(other, "w") as made:
        text = whole.read("manifest.json").decode()
        made.writestr("manifest.json", text.replace('"events_event": 1', '"events_event": 2'))
        made.writestr("database.dump", whole.read("database.dump"))
    refused = manage("restore", str(other), url=empty_database)
    assert refused.returncode == 1
    assert "events_event does not have the 2 rows" in refused.stderr
    assert tables(empty_database) == 0


def test_its_keys_must_be_there_or_are_taken_from_it(
    manage: Manage, file: Path, token: str, empty_database: str
) -> None:
    other = {"PERIODIC_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode()}
    refused = manage("restore", str(file), url=empty_database, **other)
    assert refused.returncode == 1
    assert "PERIODIC_ENCRYPTION_KEYS lacks the keys" in refused.stderr
    assert tables(empty_database) == 0

    wrong = manage("backup_keys", str(file), BACKUP_PASSPHRASE="another passphrase")
    assert wrong.returncode == 1
    assert "does not open" in wrong.stderr
    printed = manage("backup_keys", str(file), **PASSPHRASE, **other).stdout.strip()
    assert printed == ",".join(settings.PERIODIC_ENCRYPTION_KEYS)
    keys = {"PERIODIC_ENCRYPTION_KEYS": printed}
    assert manage("restore", str(file), url=empty_database, **keys).returncode == 0

    done = manage("restore", str(file), "--replace", "--without-keys", url=empty_database, **other)
    assert done.returncode == 0, done.stderr


def test_the_keys_are_not_readable_in_it(file: Path) -> None:
    for key in settings.PERIODIC_ENCRYPTION_KEYS:
        assert key.encode() not in file.read_bytes()
        assert base64.b64decode(key) not in file.read_bytes()


def test_a_backup_of_another_version_is_refused(
    manage: Manage, file: Path, empty_database: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(other, "w") as made:
        text = whole.read("manifest.json").decode()
        made.writestr("manifest.json", text.replace('"0001_initial"', '"0999_newer"', 1))
        made.writestr("database.dump", whole.read("database.dump"))
    refused = manage("restore", str(other), url=empty_database)
    assert refused.returncode == 1
    assert "0999_newer" in refused.stderr
    assert "Install the version that made it" in refused.stderr


def test_a_backup_replaces_no_file_and_leaves_no_half_one(
    manage: Manage, file: Path, tmp_path: Path
) -> None:
    before = file.read_bytes()
    refused = manage("backup", str(file))
    assert refused.returncode == 1
    assert "exists already" in refused.stderr
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("program", ["manage.py", "psql", "pg_restore"])
def test_killed_at_any_moment_it_leaves_what_was_there(
    manage: Manage,
    file: Path,
    empty_database: str,
    process_environment: dict[str, str],
    program: str,
) -> None:
    """Rows are held up by a lock on a table that is to be replaced, so that it is killed within."""
    assert manage("restore", str(file), url=empty_database).returncode == 0
    import psutil

    with psycopg.connect(empty_database, application_name="") as holder:
        process = subprocess.Popen(
            [sys.executable, "-c", HELD_UP.format(file=str(file))],
            cwd=ROOT,
            env={**process_environment, "DATABASE_URL": empty_database, "PYTHONPATH": "platform"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        [one] = [
            each
            for each in family
            if program in " ".join(each.cmdline())
            or (program == "manage.py" and each.pid == process.pid)
        ]
        one.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        assert process.returncode != 0
        holder.rollback()
    assert rows(empty_database, "events_event") == 1
    assert rows(empty_database, "instances_elementinstance") == ElementInstance.objects.count()


HELD_UP = """
import os, time
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
from pathlib import Path
from backup import restore
within = restore._for_server
def slowly(script, version):
    for number, line in enumerate(within(script, version)):
        yield line
        if number == 200:
            print("held", flush=True)
            time.sleep(2)
restore._for_server = slowly
restore._require_room = lambda replace: None
restore.restore(Path({file!r}), replace=True)
"""
