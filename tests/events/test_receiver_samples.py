"""The receivers of the documentation work as they are printed there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from events import rehearsal
from events.models import Delivery
from events.payload import Source
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
RECEIVERS = [
    ("receiving-events.md", "python"),
    ("receiving-events.md", "javascript"),
    ("connect-gmail.md", "python"),
]
KEYS = ["MySecretEventSignatureKey", "kürzer", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]

Start = Callable[[str, str, str], str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Runs a sample with a signature key, and gives its URL."""
    running: list[subprocess.Popen[bytes]] = []

    def run(page: str, language: str, key: str) -> str:
        program = sys.executable if language == "python" else shutil.which("node")
        if program is None:
            pytest.skip("node is not installed")
        found = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
        assert found, page
        file = tmp_path / ("receiver.py" if language == "python" else "receiver.mjs")
        file.write_text(found[1])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "SIGNATURE_KEY": key, "PORT": str(port)}
        with (tmp_path / "printed").open("wb") as printed:
            running.append(subprocess.Popen([program, str(file)], env=environment, stdout=printed))
        give_up_at = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}/"
            assert running[-1].poll() is None, "the sample ended by itself"
            assert time.monotonic() < give_up_at, "the sample does not listen"
            time.sleep(0.02)

    yield run
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("page", "language"), RECEIVERS)
def test_a_signed_notification_is_accepted(
    start: Start, page: str, language: str, key: str, tmp_path: Path
) -> None:
    record(new_instance(url=start(page, language, key), key=key), 2)

    deliver_all_due()

    assert Delivery.objects.get().status == "delivered"
    for line, wanted in zip((tmp_path / "printed").open(), ("m0", "m1"), strict=True):
        assert line.startswith("CREATED ")
        assert line.endswith(f" {wanted}\n")


@pytest.mark.parametrize(("page", "language"), RECEIVERS)
def test_what_the_form_of_an_instance_sends_as_a_test_is_accepted(
    start: Start, page: str, language: str
) -> None:
    source = Source(0, 1, 1, 1, "Mailbox", [], "gmail", "general")
    receiver = rehearsal.Receiver(start(page, language, "the key"), "the key")
    assert rehearsal.rehearse(source, receiver, timezone.now()).answer.delivered


@pytest.mark.parametrize("key", ["another key", ""])
@pytest.mark.parametrize(("page", "language"), RECEIVERS)
def test_one_that_is_signed_with_another_key_or_not_at_all_is_refused(
    start: Start, page: str, language: str, key: str, tmp_path: Path
) -> None:
    record(new_instance(url=start(page, language, "the key"), key=key))

    deliver_all_due()

    delivery = Delivery.objects.get()
    assert delivery.status == "retry"
    assert delivery.attempts.get().status_code == 401
    assert (tmp_path / "printed").read_text() == ""
