"""That a key is missing is said: at the start, in health, in metrics, and by a command."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts.provision import NewOrganization
from instances.models import Credential, ElementInstance
from tests.api import test_isolation as endpoints

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def instance(organization: NewOrganization) -> ElementInstance:
    found = endpoints.connect(organization, "mailbox").instance
    Credential(instance=found, access_token="token", refresh_token="refresh").save()
    return found


def said(client: Client) -> str:
    faults: dict[str, str] = client.get("/health/work").json().get("faults", {})
    return faults.get("encryption", "")


def test_health_and_metrics_say_it(
    instance: ElementInstance, client: Client, lose_key: Callable[[], None]
) -> None:
    assert said(client) == ""
    assert "periodic_encrypted_columns_unopened 0.0" in client.get("/metrics").content.decode()
    lose_key()
    assert "instances_credential.access_token" in said(client)
    assert "PERIODIC_ENCRYPTION_KEYS" in said(client)
    assert "periodic_encrypted_columns_unopened 0.0" not in client.get("/metrics").content.decode()


def test_a_key_that_only_the_oldest_needs_is_missed_too(
    instance: ElementInstance, client: Client, settings: Settings, new_key: str
) -> None:
    settings.PERIODIC_ENCRYPTION_KEYS = [new_key]
    Credential(
        instance=endpoints.connect(_another(), "new").instance, access_token="t", refresh_token="r"
    ).save()
    assert "instances_credential.access_token" in said(client)


def _another() -> NewOrganization:
    from accounts.provision import create_organization

    return create_organization("Another", "another@example.com")


def test_the_command_lists_all_and_asks_for_new_grants_only_when_told(
    instance: ElementInstance, lose_key: Callable[[], None]
) -> None:
    assert listed() == "Every stored secret opens.\n"
    lose_key()
    assert f"instances_elementinstance {instance.pk} secrets" in listed()
    assert ElementInstance.objects.get().valid

    assert "1 accounts are to be connected again" in listed("--reconnect")

    assert not ElementInstance.objects.get().valid
    assert ElementInstance.objects.get().reason_code == "secrets-unreadable"
    assert Credential.objects.get().state == "lost"
    assert "0 accounts" in listed("--reconnect")


def listed(*options: str) -> str:
    output = StringIO()
    call_command("lost_secrets", *options, stdout=output)
    return output.getvalue()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("start", ["worker", "web"])
def test_the_start_says_it(
    instance: ElementInstance, process_environment: dict[str, str], start: str
) -> None:
    other = {"PERIODIC_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode()}
    script = {
        "worker": "from worker import cluster; from worker.management.commands import qcluster; "
        "cluster.install = lambda: exit(0); "
        "qcluster.Command().handle(run_once=True, cluster_name=None)",
        "web": "import config.web_worker as w; w.say_what_does_not_open()",
    }[start]
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT, env={**process_environment, **other}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert "stored secrets cannot be opened" in done.stdout + done.stderr
