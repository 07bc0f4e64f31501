"""An element made from JSON alone: accounts are connected, and its provider is called."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from elements.models import PrivateElement
from instances.models import ElementInstance
from tests.elements.conftest import API
from tests.elements.ledger import PAGES, Provider, ledger, provider

HUB = f"{API}/hubs/finance"


@pytest.fixture
def there(settings: Settings) -> Iterator[Provider]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with provider() as it:
        yield it


@pytest.fixture
def connect(api: APIClient, there: Provider) -> Callable[..., Any]:
    """POST /instances of an element that is made first, if it isn't yet."""

    def make(given: dict[str, Any], /, **more: Any) -> Any:
        if not PrivateElement.objects.exists():
            made = api.post(f"{API}/elements", ledger(there.url, **more), format="json")
            assert made.status_code == 200, made.content
        body = {"name": "Books", "element": {"key": "ledger"}, "configuration": given}
        return api.post(f"{API}/instances", body, format="json")

    return make


@pytest.fixture
def hub(
    connect: Callable[..., Any],
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> APIClient:
    connected = connect({"api.key": "a-key"})
    assert connected.status_code == 200, connected.content
    return client_for(organization, connected.json()["token"])


# --- Connecting ----------------------------------------------------------------------------------


def test_an_api_key_connects_an_account(connect: Callable[..., Any], there: Provider) -> None:
    connected = connect({"api.key": "a-key"})
    assert connected.status_code == 200, connected.content
    assert connected.json()["configuration"]["api.key"] == "********"
    assert connected.json()["element"]["key"] == "ledger"
    assert there.headers[-1]["X-Api-Key"] == "a-key"


def test_a_user_name_and_a_password_connect_an_account(
    connect: Callable[..., Any], there: Provider
) -> None:
    there.accepted = ("Authorization", f"Basic {b64encode(b'user:a pass').decode()}")
    connected = connect(
        {"username": "user", "password": "a pass"}, authentication={"type": "basic"}
    )
    assert connected.status_code == 200, connected.content
    assert connected.json()["configuration"]["username"] == "user"
    assert connected.json()["configuration"]["password"] == "********"


def test_a_prefix_stands_before_the_key(connect: Callable[..., Any], there: Provider) -> None:
    there.accepted = ("Authorization", "Token a-key")
    authentication = {"type": "apiKey", "prefix": "Token "}
    assert connect({"api.key": "a-key"}, authentication=authentication).status_code == 200


@pytest.mark.parametrize(
    ("authentication", "given", "named"),
    [
        (
            {"type": "basic"},
            {"username": "user", "password": "wrong"},
            "configuration.username and configuration.password",
        ),
        ({"type": "apiKey", "header": "X-Api-Key"}, {"api.key": "wrong"}, "configuration.api.key"),
    ],
)
def test_what_the_provider_refuses_is_named(
    authentication: dict[str, str],
    given: dict[str, str],
    named: str,
    connect: Callable[..., Any],
) -> None:
    answer = connect(given, authentication=authentication)
    assert answer.status_code == 401
    assert answer.json()["message"].startswith(f"{named}: ")
    assert "wrong" not in answer.json()["message"]
    assert not ElementInstance.objects.exists()


def test_what_is_missing_is_named(connect: Callable[..., Any], there: Provider) -> None:
    answer = connect({})
    assert answer.status_code == 400
    assert answer.json()["message"] == "Missing: configuration.api.key"
    assert there.asked == []


def test_without_a_base_url_each_account_says_its_own(
    connect: Callable[..., Any], there: Provider
) -> None:
    assert (
        "configuration.base.url"
        in connect({"api.key": "a-key"}, configuration=[]).json()["message"]
    )
    for wrong in ("nonsense", "ftp://a.example", "http://", "http://[x"):
        answer = connect({"api.key": "a-key", "base.url": wrong})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("configuration.base.url: ")
    assert connect({"api.key": "a-key", "base.url": there.url}).status_code == 200


def test_a_base_url_is_filled_with_what_the_account_has(
    connect: Callable[..., Any], there: Provider
) -> None:
    port = there.url.rpartition(":")[2]
    configuration = [
        {"key": "base.url", "defaultValue": f"http://${{subdomain}}:{port}"},
        {"key": "subdomain", "required": True},
    ]
    assert connect({"api.key": "a-key"}, configuration=configuration).status_code == 400
    for wrong in ("a@b", "a/b", "[::1]", "127.0.0.1:1@x"):
        answer = connect({"api.key": "a-key", "subdomain": wrong})
        assert answer.json()["message"].startswith("configuration.subdomain: must be")
    assert connect({"api.key": "a-key", "subdomain": "127.0.0.1"}).status_code == 200


def test_defaults_of_the_element_are_its_secrets(
    connect: Callable[..., Any], there: Provider
) -> None:
    configuration = [
        {"key": "base.url", "defaultValue": there.url},
        {"key": "api.key", "defaultValue": "a-key"},
    ]
    connected = connect({}, configuration=configuration)
    assert connected.status_code == 200, connected.content
    assert connected.json()["configuration"]["api.key"] == "********"
    assert "a-key" not in connected.content.decode()


def test_of_an_inactive_element_no_instance_is_made_and_those_there_are_go_on(
    api: APIClient, hub: APIClient, connect: Callable[..., Any], there: Provider
) -> None:
    assert api.delete(f"{API}/elements/ledger/active").status_code == 200
    answer = connect({"api.key": "a-key"})
    assert answer.status_code == 409
    assert "inactive" in answer.json()["message"]
    assert hub.get(f"{HUB}/entries").status_code == 200


def test_an_element_with_instances_stays(
    api: APIClient, hub: APIClient, connect: Callable[..., Any]
) -> None:
    answer = api.delete(f"{API}/elements/ledger")
    assert answer.status_code == 409
    assert answer.json()["message"] == "ledger has 1 instance: delete them first"
    instance = ElementInstance.objects.get()
    assert api.delete(f"{API}/instances/{instance.pk}").status_code == 200
    assert api.delete(f"{API}/elements/ledger").status_code == 200


# --- Calling -------------------------------------------------------------------------------------


def test_records_are_made_read_changed_and_deleted(hub: APIClient, there: Provider) -> None:
    made = hub.post(f"{HUB}/entries", {"amount": 5}, format="json")
    assert made.status_code == 200, made.content
    assert made.json() == {"id": "0", "amount": 5}
    assert hub.get(f"{HUB}/entries/0").json() == made.json()

    changed = hub.patch(f"{HUB}/entries/0", {"amount": 7}, format="json")
    assert changed.json() == {"id": "0", "amount": 5, "sum": {"amount": 7}}
    assert there.asked[-1][:2] == ("PUT", "/entries/0")
    assert there.asked[-1][3] == {"sum": {"amount": 7}}

    gone = hub.delete(f"{HUB}/entries/0")
    assert (gone.status_code, gone.content) == (200, b"")
    answer = hub.get(f"{HUB}/entries/0")
    assert answer.status_code == 404
    assert answer.json()["providerMessage"]


def test_an_object_without_an_operation_is_not_among_those_that_can_be_called(
    connect: Callable[..., Any],
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> None:
    objects = [{"name": "entries"}, {"name": "Company", "fields": [{"name": "owner"}]}]
    connected = connect({"api.key": "a-key"}, objects=objects).json()
    hub = client_for(organization, connected["token"])
    assert "entries" in hub.get(f"{API}/objects").json()
    assert "Company" not in hub.get(f"{API}/objects").json()
    (field,) = hub.get(f"{API}/objects/Company/metadata").json()["fields"]
    assert (field["vendorPath"], field["method"]) == ("owner", [])
    assert hub.get(f"{HUB}/Company").status_code == 404


def test_parameters_go_where_the_provider_wants_them(hub: APIClient, there: Provider) -> None:
    assert hub.get(f"{HUB}/entries?status=open").status_code == 200
    assert there.asked[-1][2] == {"state": "open"}
    assert there.headers[-1]["X-Version"] == "2"


@pytest.mark.parametrize("kind", PAGES)
def test_a_list_is_paged_as_the_provider_pages(kind: str, hub: APIClient, there: Provider) -> None:
    there.entries = [{"id": str(number)} for number in range(25)]
    found: list[str] = []
    query: dict[str, Any] = {"pageSize": 10}
    pages = 3 if kind == "cursor" else 4  # where pages are numbered, an empty one is the end
    for _ in range(pages):
        answer = hub.get(f"{HUB}/{kind}-entries", query)
        assert answer.status_code == 200, answer.content
        found += [entry["id"] for entry in answer.json()]
        query["nextPage"] = answer.get("Elements-Next-Page-Token", "")
    assert found == [str(number) for number in range(25)]
    assert "Elements-Next-Page-Token" not in answer

    second = hub.get(f"{HUB}/{kind}-entries", {"pageSize": 10, "page": 2}).json()
    assert [entry["id"] for entry in second] == [str(number) for number in range(10, 20)]


def test_a_change_of_the_element_counts_at_once(
    api: APIClient, hub: APIClient, there: Provider
) -> None:
    assert hub.get(f"{HUB}/entries").status_code == 200
    assert there.headers[-1]["X-Version"] == "2"
    changed = ledger(there.url)
    changed["resources"][4]["parameters"][1]["name"] = "3"
    assert api.put(f"{API}/elements/ledger", changed, format="json").status_code == 200
    assert hub.get(f"{HUB}/entries").status_code == 200
    assert there.headers[-1]["X-Version"] == "3"


def test_the_token_of_a_page_ends_with_the_way_of_paging(
    api: APIClient, hub: APIClient, there: Provider
) -> None:
    there.entries = [{"id": str(number)} for number in range(25)]
    first = hub.get(f"{HUB}/cursor-entries", {"pageSize": 10})
    changed = ledger(there.url)
    changed["resources"][1] = {**changed["resources"][1], **PAGES["offset"]}
    assert api.put(f"{API}/elements/ledger", changed, format="json").status_code == 200

    answer = hub.get(
        f"{HUB}/cursor-entries",
        {"pageSize": "10", "nextPage": first["Elements-Next-Page-Token"]},
    )

    assert answer.status_code == 400, answer.content
    assert "nextPage" in answer.json()["message"]


@pytest.mark.parametrize("digits", ["1e400", "-1e400", "NaN", "inf", "x"])
def test_a_number_that_json_cannot_write_is_not_sent(
    digits: str, api: APIClient, hub: APIClient, there: Provider
) -> None:
    changed = ledger(there.url)
    rate = {"name": "rate", "type": "query", "vendorType": "bodyField", "dataType": "number"}
    changed["resources"][6]["parameters"] = [rate]
    assert api.put(f"{API}/elements/ledger", changed, format="json").status_code == 200
    sent = len(there.asked)

    answer = hub.post(f"{HUB}/entries?rate={digits}", {}, format="json")

    assert answer.status_code == 400, answer.content
    assert answer.json()["message"].startswith("rate: ")
    assert len(there.asked) == sent
    assert hub.post(f"{HUB}/entries?rate=1.5", {}, format="json").json()["rate"] == 1.5


def test_an_accounts_secret_stays_one_when_the_element_forgets_that(
    api: APIClient, connect: Callable[..., Any], there: Provider
) -> None:
    own = {"key": "pin", "type": "PASSWORD"}
    base = {"key": "base.url", "defaultValue": there.url}
    made = connect({"api.key": "a-key"}, configuration=[base, own]).json()
    one = f"{API}/instances/{made['id']}"
    api.patch(one, {"configuration": {"pin": "a-secret-pin"}}, format="json")
    forgetful = ledger(there.url, configuration=[base, {"key": "pin"}])
    assert api.put(f"{API}/elements/ledger", forgetful, format="json").status_code == 200

    changed = api.patch(one, {"configuration": {"note": "x"}}, format="json")

    assert changed.status_code == 200, changed.content
    assert changed.json()["configuration"]["pin"] == "********"
    assert "a-secret-pin" not in api.get(one).content.decode()
