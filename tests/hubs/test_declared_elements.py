"""An element of declarations alone: paging, selection, bodies, and whose a short path is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from elements import catalogue
from instances import provision
from instances.models import ElementInstance
from tests.conftest import ClientFor
from tests.hubs.crm import KEY, Crm

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"


@pytest.fixture
def crm(settings: Settings) -> Iterator[Crm]:
    settings.INTEGRATIONS_DIRS = [str(Path(__file__).parent / "elements")]
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    kinds = ("customer", "lead", None)
    records: list[dict[str, Any]] = [
        {"id": n, "name": f"Name {n:03}", "kind": kinds[n % 3], "of": {"city": f"C{n % 7}"}}
        for n in range(1, 171)
    ]
    with Crm(records) as provider:
        settings.CRM_API_BASE_URL = provider.url
        yield provider


@pytest.fixture
def connected(crm: Crm, organization: NewOrganization) -> ElementInstance:
    return provision.create(
        organization.user,
        organization.organization,
        catalogue.find("crm"),
        provision.Wish(name="CRM", configuration={"api.key": KEY, "site.address": "a b/c"}),
    )


@pytest.fixture
def hub(connected: ElementInstance, organization: NewOrganization, client_for: ClientFor) -> Any:
    return client_for(organization, connected.token)


def pages(hub: APIClient, path: str, **query: Any) -> list[list[Any]]:
    """The ids of each page, by following the token."""
    found, token = [], ""
    for _ in range(50):
        asked: dict[str, Any] = {**query, "nextPage": token}
        answer = hub.get(f"{API}{path}", asked)
        assert answer.status_code == 200, answer.content
        found.append([record["id"] for record in answer.json()])
        token = answer.get("Elements-Next-Page-Token", "")
        if not token:
            return found
    raise AssertionError("the pages do not end")


PATHS = ["/accounts", "/hubs/whatever/by-offset", "/by-token", "/whole", "/hubs/crm/bare/"]


@pytest.mark.parametrize("path", PATHS)
def test_every_way_of_paging_gives_each_record_once(hub: APIClient, path: str) -> None:
    found = pages(hub, path, pageSize=40)
    assert [len(page) for page in found if page] == [40, 40, 40, 40, 10]
    assert [one for page in found for one in page] == list(range(1, 171))


@pytest.mark.parametrize("path", PATHS)
def test_two_pages_are_one_of_twice_the_size(hub: APIClient, path: str) -> None:
    first, second, both = (
        hub.get(f"{API}{path}", {"pageSize": size, "page": page}).json()
        for size, page in ((13, 2), (13, 3), (26, 2))
    )
    assert [record["id"] for record in both] == list(range(27, 53))
    assert second[0]["id"] == 27
    assert first[0]["id"] == 14


@pytest.mark.parametrize("path", PATHS)
def test_a_condition_is_asked_of_every_record(hub: APIClient, crm: Crm, path: str) -> None:
    wanted = [n for n in range(1, 171) if n % 3 == 1 and n > 20]
    where = "kind = 'lead' AND id > 20"
    found = pages(hub, path, where=where, pageSize=12)
    assert [one for page in found for one in page] == wanted
    assert all(len(page) == 12 for page in found[:-1])
    third: dict[str, Any] = {"where": where, "pageSize": 12, "page": 3}
    by_number = hub.get(f"{API}{path}", third).json()
    assert [record["id"] for record in by_number] == wanted[24:36]
    assert not any("where" in seen.query for seen in crm.seen)


def test_a_page_ends_early_where_hardly_anything_fits(hub: APIClient, crm: Crm) -> None:
    crm.records = [{"id": n} for n in range(1, 2502)]
    found = pages(hub, "/by-token", where="id = 2500", pageSize=5)
    assert [one for page in found for one in page] == [2500]
    assert found[0] == []


def test_a_numbered_page_is_asked_for_by_its_number(hub: APIClient, crm: Crm) -> None:
    crm.seen.clear()
    for path, place in (("/accounts", {"page": "4"}), ("/by-offset", {"offset": "30"})):
        hub.get(f"{API}{path}", {"pageSize": "10", "page": "4"})
        assert place.items() <= crm.seen[-1].query.items()
    assert len(crm.seen) == 2


def test_a_page_that_cannot_be_walked_to_is_refused(
    hub: APIClient, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm.records = [{"id": n} for n in range(1, 2502)]
    far = {"where": "id > 2400", "pageSize": "20", "page": "3"}
    refused = hub.get(f"{API}/by-token", far)
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("page: is too far behind")

    monkeypatch.setattr("hubs.listing.LONGEST_WALK", 0.0)
    slow = hub.get(f"{API}/by-token", {"pageSize": "10", "page": "3"})
    assert slow.status_code == 400
    early = hub.get(f"{API}/by-token", {"where": "id > 20", "pageSize": "100"})
    assert [record["id"] for record in early.json()] == list(range(21, 51))
    assert early["Elements-Next-Page-Token"]


@pytest.mark.parametrize(
    ("order", "first"),
    [("id desc", 170), ("name ASC", 1), ("of.city desc, id desc", 167), ("kind, id desc", 168)],
)
def test_a_list_at_hand_is_put_in_order(hub: APIClient, order: str, first: int) -> None:
    answer = hub.get(f"{API}/whole", {"orderBy": order, "pageSize": "1"})
    assert [record["id"] for record in answer.json()] == [first]


def test_what_has_no_value_comes_last_in_either_order(hub: APIClient) -> None:
    for order in ("kind", "kind desc"):
        records = hub.get(f"{API}/whole", {"orderBy": order, "pageSize": "200"}).json()
        assert all("kind" not in record for record in records[-57:])


def test_fields_are_chosen_by_name(hub: APIClient) -> None:
    record = hub.get(f"{API}/whole", {"fields": "id,of.city", "pageSize": "1"}).json()[0]
    assert record == {"id": 1, "of": {"city": "C1"}}
    assert hub.get(f"{API}/accounts/7", {"fields": "id"}).json() == {"id": "7"}


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/accounts", {"orderBy": "name"}, "orderBy: the records come page by page"),
        ("/whole", {"orderBy": "name sideways"}, "orderBy: write a field, and asc or desc"),
        ("/whole", {"orderBy": "name,,id"}, "orderBy: a name is missing"),
        ("/whole", {"fields": "id,"}, "fields: a name is missing"),
        ("/whole", {"where": "1=1"}, "where"),
        ("/by-offset", {"pageSize": "1000000000"}, "pageSize must be a whole number from 1 to 100"),
        ("/accounts/7", {"where": "id=7"}, "where: this address answers one record"),
        ("/accounts/7", {"orderBy": "id"}, "orderBy: this address answers one record"),
    ],
)
def test_what_cannot_be_done_is_refused(
    hub: APIClient, path: str, query: dict[str, str], said: str
) -> None:
    answer = hub.get(f"{API}{path}", query)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_a_body_is_sent_as_declared(hub: APIClient, crm: Crm) -> None:
    created = hub.post(f"{API}/accounts", {"name": "A"}, format="json")
    assert created.status_code == 200
    assert created.json() == {"took": {"name": "A"}}

    changed = hub.patch(
        f"{API}/hubs/crm/accounts/a%20b",
        {"name": "B", "stars": "5", "unknown": 1},
        format="json",
        headers={"notify": "yes"},
    )
    assert changed.json() == {"took": {"attributes": {"title": "B"}, "stars": 5}}
    sent = crm.seen[-1]
    assert (sent.method, sent.path) == ("PUT", "/v1/accounts/a%20b")
    assert sent.query == {"version": "2.0", "site": "a b/c"}
    assert sent.headers["x-notify"] == "yes"

    deleted = hub.delete(f"{API}/accounts/7/")
    assert (deleted.status_code, deleted.content) == (200, b"")


def test_a_missing_body_is_named(hub: APIClient) -> None:
    answer = hub.post(f"{API}/accounts")
    assert answer.status_code == 400
    assert answer.json()["message"] == "body: missing"


def test_a_path_may_have_several_names_and_other_ways_to_it(hub: APIClient, crm: Crm) -> None:
    assert hub.get(f"{API}/accounts/1/notes/9").json() == {"data": {"id": "9"}}
    assert hub.get(f"{API}/site").status_code == 200
    assert hub.get(f"{API}/hubs/x/sites/own").status_code == 200
    assert crm.seen[-1].path == "/v1/sites/a%20b%2Fc/info"


def test_another_method_is_told_which_there_are(hub: APIClient) -> None:
    answer = hub.put(f"{API}/accounts/7", {}, format="json")
    assert answer.status_code == 405
    assert answer["Allow"] == "DELETE, GET, PATCH"


def test_with_an_element_token_a_shared_path_is_the_elements(
    hub: APIClient, organization: NewOrganization, client_for: ClientFor
) -> None:
    assert len(hub.get(f"{API}/accounts", {"pageSize": 5}).json()) == 5
    platform = client_for(organization).get(f"{API}/accounts")
    assert platform.status_code == 200
    assert platform.json()[0]["defaultAccount"] is True
    settings = hub.get(f"{API}/accounts/settings")
    assert "notification.webhook.failure.policy" in settings.json()
    assert hub.get(f"{API}/users").json()[0]["email"] == organization.user.email


def test_a_wrong_key_connects_nothing(
    crm: Crm, organization: NewOrganization, client_for: ClientFor
) -> None:
    body = {
        "name": "n",
        "element": {"key": "crm"},
        "configuration": {"api.key": "wrong", "site.address": "s"},
    }
    answer = client_for(organization).post(f"{API}/instances", body, format="json")
    assert answer.status_code == 401
    assert answer.json()["message"] == "configuration.api.key: refused by the provider"
    assert not ElementInstance.objects.exists()


def test_what_is_known_of_records(hub: APIClient, connected: ElementInstance) -> None:
    ElementInstance.objects.update(enabled=False)
    answer = hub.get(f"{API}/objects/accounts/metadata")
    assert answer.json()["fields"][1] == {
        "type": "string",
        "vendorPath": "name",
        "vendorDisplayName": "What it is called",
        "vendorNativeType": "string",
        "vendorRequired": True,
        "vendorReadOnly": False,
        "hidden": False,
        "method": [
            {"name": "GET", "request": False, "response": True},
            {"name": "PATCH", "request": True, "response": True},
            {"name": "POST", "request": True, "response": True},
        ],
    }
    assert hub.get(f"{API}/hubs/crm/objects/nothing/metadata").status_code == 404


def test_hubs_are_listed(crm: Crm) -> None:
    client = APIClient()
    known = sorted({element.hub for element in catalogue.all_elements()})
    assert {"collaboration", "crm", "general"} <= {*known}
    assert client.get(f"{API}/hubs/keys").json() == known
    hubs = client.get(f"{API}/hubs", {"hydrate": "true"}).json()
    assert [hub["key"] for hub in hubs] == known
    assert "accounts" in hubs[known.index("crm")]["resources"]
    assert client.get(f"{API}/hubs/general").json()["active"] is True
    assert [one["key"] for one in client.get(f"{API}/hubs/crm/elements").json()] == ["crm"]
    missing = client.get(f"{API}/hubs/finance")
    assert missing.status_code == 404
    assert missing.json()["message"] == "No hub found with key finance"
