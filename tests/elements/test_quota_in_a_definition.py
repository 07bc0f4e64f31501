"""What an element from JSON says of its provider's quota is kept to, and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from elements.definition import quota as declared
from quota import meter
from quota.purse import Purse
from tests.conftest import ClientFor
from tests.elements.conftest import API
from tests.elements.ledger import Provider, ledger, provider

pytestmark = pytest.mark.django_db
HUB = f"{API}/hubs/finance"
POLLED = {"entries": {"url": "/hubs/finance/entries", "idField": "id"}}
SIX_A_MINUTE = {"account": {"minute": 6}, "project": {"minute": 60, "day": 1_000}}


@pytest.fixture
def there(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(meter, "purse", Purse())
    with provider() as it:
        yield it


@pytest.fixture
def connect(there: Provider) -> Callable[..., dict[str, Any]]:
    """Makes the element and an instance of it."""

    def connected(api: APIClient, quota: dict[str, Any]) -> dict[str, Any]:
        made = api.post(f"{API}/elements", ledger(there.url, quota=quota), format="json")
        assert made.status_code == 200, made.content
        wanted = {
            "name": "Books",
            "element": {"key": "ledger"},
            "configuration": {
                "api.key": "a-key",
                "event.notification.enabled": True,
                "event.poller.configuration": POLLED,
            },
        }
        answer = api.post(f"{API}/instances", wanted, format="json")
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    return connected


def test_a_call_beyond_the_limit_is_told_when_to_come_again(
    api: APIClient,
    connect: Callable[..., dict[str, Any]],
    organization: NewOrganization,
    client_for: ClientFor,
    there: Provider,
) -> None:
    instance = connect(api, SIX_A_MINUTE)
    hub = client_for(organization, instance["token"])
    asked = len(there.asked)

    answers = [hub.get(f"{HUB}/entries").status_code for _ in range(7)]

    assert answers == [200] * 6 + [429]
    assert len(there.asked) == asked + 6
    refused = hub.get(f"{HUB}/entries")
    assert 1 <= int(refused["Retry-After"]) <= 60
    polls = api.post(f"{API}/instances/{instance['id']}/polls").json()["polls"]
    assert [one["status"] for one in polls] == ["waiting"]
    used = api.get(f"{API}/instances/{instance['id']}/usage/units").json()
    assert used["account"]["minute"]["limit"] == 6
    assert used["project"]["today"]["limit"] == 1_000


def test_a_resource_may_cost_more_than_another_or_nothing(
    api: APIClient,
    connect: Callable[..., dict[str, Any]],
    organization: NewOrganization,
    client_for: ClientFor,
    there: Provider,
) -> None:
    instance = connect(api, {"account": {"minute": 40}})
    changed = ledger(there.url, quota={"account": {"minute": 40}})
    changed["resources"][4]["units"] = 10
    changed["resources"][0]["units"] = 0
    assert api.put(f"{API}/elements/ledger", changed, format="json").status_code == 200
    hub = client_for(organization, instance["token"])

    answers = [hub.get(f"{HUB}/entries").status_code for _ in range(5)]

    assert answers == [200] * 4 + [429]
    assert hub.get(f"{HUB}/me").status_code == 200


def test_others_with_an_element_of_that_name_have_units_of_their_own(
    api: APIClient,
    other_api: APIClient,
    connect: Callable[..., dict[str, Any]],
    organization: NewOrganization,
    other: NewOrganization,
    client_for: ClientFor,
) -> None:
    quota = {"project": {"day": 4}}
    mine = client_for(organization, connect(api, quota)["token"])
    theirs = client_for(other, connect(other_api, quota)["token"])

    assert [mine.get(f"{HUB}/entries").status_code for _ in range(5)] == [200] * 4 + [429]
    assert theirs.get(f"{HUB}/entries").status_code == 200


def test_what_is_shown_can_be_written_back(
    api: APIClient, connect: Callable[..., dict[str, Any]]
) -> None:
    connect(api, SIX_A_MINUTE)

    shown = api.get(f"{API}/elements/ledger").json()

    assert shown["quota"] == {**SIX_A_MINUTE, "dayZone": "UTC"}
    assert {one["units"] for one in shown["resources"]} == {1}
    assert api.put(f"{API}/elements/ledger", shown, format="json").json() == shown
    assert api.get(f"{API}/elements/ledger/export").json()["quota"] == shown["quota"]


@pytest.mark.parametrize("status", [200, 400, 418])
def test_a_code_that_the_element_declares_is_a_limit(
    api: APIClient,
    there: Provider,
    organization: NewOrganization,
    client_for: ClientFor,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    made = api.post(f"{API}/elements", ledger(there.url, limitCodes=["45009", "BUSY"]), "json")
    assert made.json()["limitCodes"] == ["45009", "BUSY"]
    exported = api.get(f"{API}/elements/ledger/export").json()
    assert api.put(f"{API}/elements/ledger", exported, format="json").json() == made.json()
    wanted = {"name": "B", "element": {"key": "ledger"}, "configuration": {"api.key": "a-key"}}
    instance = api.post(f"{API}/instances", wanted, format="json").json()
    hub = client_for(organization, instance["token"])

    monkeypatch.setattr(there, "answer", lambda *_: (status, {"errcode": 45009}))
    assert hub.post(f"{HUB}/entries", {}, format="json").status_code == 429
    monkeypatch.setattr(there, "answer", lambda *_: (status, {"errcode": 40001}))
    assert hub.post(f"{HUB}/entries", {}, format="json").status_code == status


def test_a_copy_of_a_built_in_element_shows_its_quota_and_takes_it_back(api: APIClient) -> None:
    copy = api.post(f"{API}/elements/gmail/clone", {"key": "mail"}, format="json").json()
    assert copy["quota"]["dayZone"] == "America/Los_Angeles"

    assert api.put(f"{API}/elements/mail", copy, format="json").status_code == 200
    copy["quota"]["account"]["minute"] += 1
    refused = api.put(f"{API}/elements/mail", copy, format="json")
    assert refused.status_code == 400
    assert refused.json()["message"] == "quota: is that of gmail, which is extended"


def test_a_zone_that_the_database_does_not_know_is_refused(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's table of zones may be newer."""
    monkeypatch.setattr(declared, "is_region", lambda name: True)
    quota = {**SIX_A_MINUTE, "dayZone": "Mars/Base"}

    answer = api.post(f"{API}/elements", ledger(quota=quota), format="json")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("quota.dayZone: Mars/Base is not known")
