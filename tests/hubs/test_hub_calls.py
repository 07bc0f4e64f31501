"""GET /hubs/{hub}/{resource} and its short form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from elements.calls import Call, Page
from elements.run import answer_steps, list_steps
from elements.types import Operation, Paging, Parameter
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from transport import sync
from transport.types import Request, Response

API = "/elements/api-v2"


@pytest.mark.parametrize("prefix", ["/hubs/general", "/hubs/invented", ""])
def test_a_list_is_an_array(
    hub: APIClient, instance: ElementInstance, sandbox: SandboxServer, prefix: str
) -> None:
    delivered = sandbox.control.deliver(subject="First")

    answer = hub.get(f"{API}{prefix}/messages", {"pageSize": 1})

    assert answer.status_code == 200, answer.content
    [record] = answer.json()
    assert record["id"] == delivered["id"]
    assert answer["Elements-Element-Instance-Id"] == str(instance.pk)
    assert answer["Elements-Returned-Count"] == "1"
    assert answer["Content-Type"] == "application/json;charset=UTF-8"


def test_one_record(hub: APIClient, sandbox: SandboxServer) -> None:
    delivered = sandbox.control.deliver(subject="First")

    answer = hub.get(f"{API}/hubs/general/messages/{delivered['id']}", {"format": "minimal"})

    assert answer.status_code == 200
    assert answer.json()["id"] == delivered["id"]
    assert "payload" not in answer.json()


def test_the_organization_secret_is_optional(
    instance: ElementInstance, organization: NewOrganization, sandbox: SandboxServer
) -> None:
    client = APIClient(
        HTTP_AUTHORIZATION=f"Element {instance.token}, User {organization.user_secret}"
    )
    answer = client.get(f"{API}/hubs/general/profile/")
    assert answer.status_code == 200
    assert answer.json()["emailAddress"] == "user@example.com"


def test_pages_concatenate(hub: APIClient, sandbox: SandboxServer) -> None:
    sandbox.control.deliver_many(7)

    def ids(**query: Any) -> list[str]:
        return [record["id"] for record in hub.get(f"{API}/messages", query).json()]

    whole = ids(pageSize=6)
    assert len(whole) == 6
    assert ids(page=1, pageSize=3) + ids(page=2, pageSize=3) == whole
    assert ids(page=100, pageSize=500) == []
    assert ids(pageSize=6, nextPage="") == whole

    first = hub.get(f"{API}/messages", {"pageSize": 3})
    token = first["Elements-Next-Page-Token"]
    assert ids(pageSize=3, nextPage=token, page=9) == whole[3:]


def test_the_last_page_has_no_token(hub: APIClient) -> None:
    answer = hub.get(f"{API}/messages", {"pageSize": 500})
    assert "Elements-Next-Page-Token" not in answer
    assert answer["Elements-Total-Count"] == answer["Elements-Returned-Count"]


def test_too_large_a_page_is_served_smaller(hub: APIClient) -> None:
    answer = hub.get(f"{API}/messages", {"pageSize": 501})
    assert answer.status_code == 200
    assert "500" in answer["Elements-Error"]


def test_what_the_vendor_cannot_page_is_paged_here(hub: APIClient) -> None:
    whole = hub.get(f"{API}/labels").json()
    first = hub.get(f"{API}/labels", {"pageSize": 2})
    second = hub.get(
        f"{API}/labels", {"pageSize": "2", "nextPage": first["Elements-Next-Page-Token"]}
    )
    assert first.json() + second.json() == whole[:4]
    assert first["Elements-Total-Count"] == str(len(whole))
    assert hub.get(f"{API}/labels", {"pageSize": 2, "page": 2}).json() == second.json()


@pytest.mark.parametrize(
    "query",
    [
        {"pageSize": 0},
        {"pageSize": "many"},
        {"page": 0},
        {"page": 101},
        {"nextPage": "invented"},
        {"nextPage": "a\0b"},
        {"format": "x", "where": "nonsense !!"},
    ],
)
def test_unusable_parameters(hub: APIClient, query: dict[str, Any]) -> None:
    answer = hub.get(f"{API}/messages", query)
    assert answer.status_code == 400, answer.content
    assert answer.json()["message"]


def test_a_token_is_good_for_its_resource_only(hub: APIClient, sandbox: SandboxServer) -> None:
    sandbox.control.deliver_many(3)
    token = hub.get(f"{API}/messages", {"pageSize": 1})["Elements-Next-Page-Token"]
    assert hub.get(f"{API}/labels", {"nextPage": token}).status_code == 400


def test_a_required_parameter_is_named(hub: APIClient) -> None:
    answer = hub.get(f"{API}/history")
    assert answer.status_code == 400
    assert "startHistoryId" in answer.json()["message"]


def test_changed_messages_move_no_cursor(hub: APIClient, sandbox: SandboxServer) -> None:
    start = hub.get(f"{API}/changed-messages")
    assert start.json() == []
    delivered = sandbox.control.deliver(subject="New")
    token = start["Elements-Next-Page-Token"]

    for _ in range(2):
        answer = hub.get(f"{API}/changed-messages", {"nextPage": token})
        [record] = answer.json()
        assert (record["id"], record["changeType"]) == (delivered["id"], "CREATED")
        assert "Elements-Next-Page-Token" in answer


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("hubs/general/nothing", 404),
        ("nothing", 404),
        ("profile/1", 404),
        ("messages/..", 400),
        ("hubs/general/messages/0000000000000000", 404),
        ("hubs/general/messages/1/2/3/4", 404),
    ],
)
def test_what_is_not_there(hub: APIClient, path: str, status: int) -> None:
    answer = hub.get(f"{API}/{path}")
    assert answer.status_code == status, answer.content
    assert answer.json()["requestId"] == answer["Elements-Request-Id"]


def test_the_provider_s_own_words(hub: APIClient, sandbox: SandboxServer) -> None:
    sandbox.control.add_fault({"path": "/gmail"}, {"status": 403, "reason": "dailyLimitExceeded"})
    answer = hub.get(f"{API}/profile")
    assert answer.status_code == 403
    assert answer.json()["providerMessage"].startswith("error - {code=403, message=")


def test_without_an_element_token(api_without_token: APIClient, instance: ElementInstance) -> None:
    assert api_without_token.get(f"{API}/hubs/general/messages").status_code == 401
    assert api_without_token.get(f"{API}/messages").status_code == 401
    assert api_without_token.get(f"{API}/nothing").status_code == 404
    assert APIClient().get(f"{API}/messages").status_code == 401


@pytest.fixture
def api_without_token(
    organization: NewOrganization, client_for: Callable[..., APIClient]
) -> APIClient:
    return client_for(organization)


def test_wrong_verb(hub: APIClient) -> None:
    assert hub.post(f"{API}/profile", {}, format="json").status_code == 405


def test_ping_and_objects(hub: APIClient, sandbox: SandboxServer) -> None:
    assert hub.get(f"{API}/hubs/general/ping").json()["endpoint"] == "gmail"
    objects = hub.get(f"{API}/hubs/general/objects")
    assert "changed-messages" in objects.json()
    assert objects["Elements-Returned-Count"] == str(len(objects.json()))
    helium = hub.get(f"{API}/objects", HTTP_ELEMENTS_VERSION="Helium").json()
    assert {"name": "messages", "vendorName": "messages", "type": "vendor"} in helium


def test_fields_that_are_null_are_left_out_unless_wanted(
    connect: Callable[..., ElementInstance],
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = {"id": "1", "gone": None, "deep": [{"a": None, "b": 0}, None]}
    monkeypatch.setattr(sync, "run", lambda steps, account, **_: Page([record]))

    without = client_for(organization, connect().token).get(f"{API}/labels").json()
    kept = (
        client_for(organization, connect(**{"filter.response.nulls": "false"}).token)
        .get(f"{API}/labels")
        .json()
    )

    assert without == [{"id": "1", "deep": [{"b": 0}, None]}]
    assert kept == [record]


def test_a_declared_operation_needs_no_code() -> None:
    listing = Operation(
        "GET",
        "/things",
        "/v1/things",
        listing=True,
        root_key="items",
        paging=Paging(size_parameter="limit", token_parameter="cursor", next_token_key="next"),
        parameters=(Parameter("colour", "color"),),
    )
    call = Call(query={"colour": "red", "other": "x"}, page_size=7, page_token="t")
    steps = list_steps(listing, call)
    assert next(steps) == Request("GET", "/v1/things", {"color": "red", "limit": 7, "cursor": "t"})
    with pytest.raises(StopIteration) as done:
        steps.send(Response(200, {}, b'{"items": [{"id": 1}], "next": "n"}'))
    assert done.value.value == Page([{"id": 1}], "n")

    reading = Operation("GET", "/things/{id}", "/v1/things/{id}")
    asked = answer_steps(reading, Call(path={"id": "a/b?c"}))
    assert next(asked) == Request("GET", "/v1/things/a%2Fb%3Fc")
