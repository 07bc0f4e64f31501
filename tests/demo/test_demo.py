"""`make demo`: exit code 0 only if all of it happened, else the step, why, and what to do."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from demo.steps import STEPS
from tests.demo.started import Started, left_of, ports, until

pytestmark = [pytest.mark.installation, pytest.mark.xdist_group("processes")]


def test_it_does_the_whole_job_and_leaves_nothing_running(var: Path) -> None:
    demo = Started("demo", var)

    assert demo.end() == 0, demo.printed

    for number, (title, _) in enumerate(STEPS, start=1):
        assert f"{number}. {title}" in demo.printed
    assert '"organizationSecret"' in demo.printed
    assert "elements-webhook-signature: sha256=" in demo.printed
    assert "webhook-signature verifies" in demo.printed
    assert "both signatures verify" in demo.printed
    assert "DOES NOT VERIFY" not in demo.printed
    assert left_of(var) == []


def test_a_demo_whose_receiver_dies_says_step_reason_and_advice(var: Path) -> None:
    demo = Started("demo", var)
    demo.wait_for("1. ")
    [receiver] = [one for one in left_of(var) if "demo.receiver" in one.cmdline()]
    receiver.kill()

    assert demo.end() == 1

    [failure] = [text for text in demo.printed.splitlines() if text.startswith("Failed at ")]
    # Which step it is depends on how soon the other services are stopped for it.
    assert re.match(r"Failed at step [2-7], “[^”]+”: ", failure)
    assert "Connection refused" in failure
    assert f"What to do: look at the logs in {var / 'demo'}" in demo.printed
    assert "All of it happened" not in demo.printed
    until(lambda: left_of(var) == [])


def test_a_demo_that_cannot_start_says_why(var: Path) -> None:
    demo = Started("demo", var, PERIODIC_ENV="production")

    assert demo.end() == 1

    assert "SECRET_KEY is not set" in demo.printed
    assert f"The logs are in {var / 'demo'}" in demo.printed
    assert left_of(var) == []


def test_services_that_cannot_listen_say_which_port_and_what_to_do(var: Path) -> None:
    chosen = ports()
    with socket.create_server(("127.0.0.1", int(chosen["SANDBOX_PORT"]))):
        up = Started("demo.up", var, **chosen)
        assert up.end() == 1
    assert f"port {chosen['SANDBOX_PORT']} is taken" in up.printed
    assert "SANDBOX_PORT=" in up.printed
    assert "Traceback" not in up.printed


def test_a_port_that_is_none_is_named(var: Path) -> None:
    up = Started("demo.up", var, PORT="http")

    assert up.end() == 1

    assert up.printed == "PORT must be a port from 1 to 65535, not 'http'\n"
