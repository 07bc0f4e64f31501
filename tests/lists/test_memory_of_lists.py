"""Lists of rows that hold much: a page ends early, and takes little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from api import paging
from events.models import Event
from instances.models import ElementInstance
from tests.conftest import ClientFor

pytestmark = pytest.mark.django_db(transaction=True)
API = "/elements/api-v2"
ROOT = Path(__file__).resolve().parents[2]
ROWS = 60
LARGE = 1_000_000  # characters; as much as was allowed to one before

MEASURED = """
import os, sys
sys.path.insert(0, "platform")
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
from rest_framework.test import APIClient

def peak():  # MB; not resource's, which begins with the parent's
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

client = APIClient()
client.credentials(HTTP_AUTHORIZATION=os.environ["SECRETS"])
client.get("/elements/api-v2/instances?pageSize=1")
before = peak()
for path in sys.argv[1:]:
    answer = client.get("/elements/api-v2" + path)
    assert answer.status_code == 200, answer.content
    assert "go on with nextPage" in answer["Elements-Error"]
    del answer
print(peak() - before)
"""


@pytest.fixture
def large(organization: NewOrganization) -> None:
    """Each list has 60 MB."""
    for number in range(ROWS):
        ElementInstance.objects.create(
            organization=organization.organization,
            user=organization.user,
            element_key="gmail",
            name=f"Mailbox {number}",
            token_digest=str(number),
            configuration={f"key{n}": "x" * 50_000 for n in range(LARGE // 50_000)},
        )
    Event.objects.bulk_create(
        Event(
            organization=organization.organization,
            topic="news",
            message="x" * 100_000,
            body="{}",
            created_at=timezone.now(),
        )
        for _ in range(10 * ROWS)
    )


def test_pages_of_large_rows_take_little_memory(
    organization: NewOrganization, large: None, process_environment: dict[str, str]
) -> None:
    """Together they took 228 MB, and take 16 now."""
    secrets = f"User {organization.user_secret}, Organization {organization.organization_secret}"
    done = subprocess.run(
        [
            sys.executable, "-c", MEASURED,
            "/instances?pageSize=2000", "/notifications?topics[]=news&pageSize=2000",
        ],
        env={**process_environment, "SECRETS": secrets},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )  # fmt: skip

    assert float(done.stdout) * 1_000_000 < 12 * paging.LARGEST_PAGE


def test_a_page_of_large_instances_ends_early_and_its_token_leads_on(
    organization: NewOrganization, large: None, client_for: ClientFor
) -> None:
    client: APIClient = client_for(organization)
    found: list[str] = []
    token, pages = "", 0
    while True:
        answer = client.get(f"{API}/instances", {"pageSize": "50", "nextPage": token})
        found += [row["name"] for row in json.loads(answer.content)]
        pages += 1
        assert answer["Elements-Total-Count"] == str(ROWS)
        if "Elements-Next-Page-Token" not in answer:
            break
        token = answer["Elements-Next-Page-Token"]

    assert found == [f"Mailbox {number}" for number in range(ROWS)]
    assert pages == ROWS // (paging.LARGEST_PAGE // LARGE - 1)
