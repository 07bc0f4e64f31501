"""The process: where it refuses to run, how it stops, and that a kill loses nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.grants import MAIL
from integrations.gmail.sandbox.server import SandboxServer, WillNotRunError
from integrations.gmail.sandbox.stand_in import DEFAULT_CLIENT
from integrations.gmail.sandbox.store import StateUnusableError

from .conftest import Gmail, until

ROOT = Path(__file__).parents[4]
CALLBACK = "http://127.0.0.1:9/callback"


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "integrations.gmail.sandbox", *arguments]


def _run(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run to the end, which must come by itself."""
    return subprocess.run(
        _command(*arguments),
        cwd=ROOT,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def _running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], SandboxControl]]:
    """The real process, once it listens."""
    process = subprocess.Popen(
        _command("--port", "0", *arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Gmail sandbox at http://127.0.0.1:"), line
        yield process, SandboxControl(line.rsplit(" ", 1)[1].strip())
    finally:
        process.kill()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])  # noqa: S104 must be refused
def test_refuses_addresses_off_loopback(host: str) -> None:
    ended = _run("--host", host, "--port", "0")
    assert ended.returncode == 2
    assert "loopback" in ended.stderr


def test_refuses_production(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = _run("--port", "0", env={"PERIODIC_ENV": "production"})
    assert ended.returncode == 2
    assert "production" in ended.stderr
    monkeypatch.setenv("PERIODIC_ENV", " Production")
    with pytest.raises(WillNotRunError):
        SandboxServer().start()


def test_taken_port_is_said() -> None:
    with SandboxServer() as sandbox:
        ended = _run("--port", sandbox.url.rsplit(":", 1)[1])
    assert ended.returncode == 2
    assert "can't start" in ended.stderr


def test_state_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    state = str(tmp_path / "state.sqlite3")
    with SandboxServer(state=state) as server:
        kept = server.control.deliver(subject="Kept", labels=["Work"])["id"]
    with sqlite3.connect(state) as connection:
        connection.executescript(
            "DROP TABLE draft; DROP TABLE mailbox_setting; ALTER TABLE label DROP COLUMN look;"
            "PRAGMA user_version = 1"
        )
    connection.close()
    with SandboxServer(state=state) as server:
        label_id = server.control.create_label("Work")["label_id"]
        assert server.control.label(kept, add=["STARRED"])["labelIds"] == [label_id, "STARRED"]


def test_foreign_state_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("Not a database, but longer than a header of SQLite. " * 10)
    with pytest.raises(StateUnusableError, match=r"notes\.txt"):
        SandboxServer(state=str(text)).start()
    assert text.read_text().startswith("Not a database")
    other = tmp_path / "other.sqlite3"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(StateUnusableError, match="something else"):
        SandboxServer(state=str(other)).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_and_at_once(number: signal.Signals, tmp_path: Path) -> None:
    with _running("--state", str(tmp_path / "state.sqlite3")) as (process, control):
        control.add_fault({"path": "/gmail/"}, {"hang": True})
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{control.url}/gmail/v1/users/me/profile", timeout=0.2)
        process.send_signal(number)
        assert process.wait(5) == 0


def test_kill_loses_nothing(tmp_path: Path) -> None:
    state = str(tmp_path / "deep" / "state.sqlite3")
    query = {"client_id": DEFAULT_CLIENT[0], "redirect_uri": CALLBACK, "response_type": "code",
             "scope": MAIL, "access_type": "offline", "prompt": "consent"}  # fmt: skip
    with _running("--state", state) as (process, control):
        tokens = control.sign_in()
        gmail = Gmail(control.url, tokens["access_token"])
        start = gmail.get("/profile")["historyId"]
        delivered = [message["id"] for message in control.deliver_many(20)]
        control.label(delivered[0], add=["Kept"])
        control.delete(delivered[1])
        control.poison(delivered[2])
        control.advance_clock(100)
        offset = control.state()["clock_offset_s"]
        records = gmail.get("/history", startHistoryId=start)
        location = control.approve(f"{control.url}/o/oauth2/v2/auth?{urlencode(query)}")
        process.kill()
        assert process.wait(20) == -signal.SIGKILL
    with _running("--state", state) as (_, control):
        gmail = Gmail(control.url, tokens["access_token"])
        assert gmail.get("/history", startHistoryId=start) == records
        assert gmail.ask("GET", f"/messages/{delivered[2]}").status_code == 500
        assert control.state()["clock_offset_s"] == offset
        for form in (
            {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
            {
                "grant_type": "authorization_code",
                "code": parse_qs(urlsplit(location).query)["code"][0],
                "redirect_uri": CALLBACK,
            },
        ):
            answer = requests.post(
                f"{control.url}/token", data=form, auth=DEFAULT_CLIENT, timeout=20
            )
            assert answer.status_code == 200, answer.text
        again = control.deliver()["id"]
        assert again not in delivered
        assert len(gmail.ids()) == 3 + 19 + 1


def test_killed_in_the_middle_of_a_delivery_keeps_mail_and_history_together(
    tmp_path: Path,
) -> None:
    state = str(tmp_path / "state.sqlite3")
    with _running("--state", state) as (process, control):
        start = control.state()["mailboxes"][0]["history_id"]
        with ThreadPoolExecutor(1) as other:
            delivery = other.submit(SandboxControl(control.url).deliver_many, 100_000)
            until(lambda: bool(control.state()["mailboxes"][0]["messages_total"] >= 300))
            process.kill()
            assert isinstance(delivery.exception(20), requests.ConnectionError)
    with _running("--state", state) as (_, control):
        gmail = Gmail(control.url, control.sign_in()["access_token"])
        pages = gmail.pages("/history", "history", startHistoryId=str(start), maxResults=500)
        added = [r["messagesAdded"][0]["message"]["id"] for page in pages for r in page]
        assert len(added) >= 297
        assert set(gmail.ids(maxResults=500)) >= set(added)
        assert gmail.get("/profile")["messagesTotal"] == 3 + len(added)
