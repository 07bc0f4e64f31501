"""An organization makes elements of its own: from JSON, by export, as clones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Organization
from accounts.provision import NewOrganization
from elements import built_in, catalogue, private, register
from elements.models import PrivateElement
from tests.elements.conftest import API
from tests.elements.ledger import ledger

ELEMENTS = f"{API}/elements"


def put(api: APIClient, key: str, body: Any) -> Any:
    return api.put(f"{ELEMENTS}/{key}", body, format="json")


def test_the_key_is_made_from_the_name(api: APIClient) -> None:
    made = api.post(ELEMENTS, ledger(name="My DB element"), format="json").json()
    assert made["key"] == "mydbelement"
    assert made["private"] is True
    assert made["active"] is True
    assert made["id"] > 1_000_000_000
    assert all(row["id"] for row in made["configuration"])


@pytest.mark.parametrize("by", ["key", "id"])
def test_it_is_read_replaced_and_deleted_by_key_and_by_id(
    by: str, api: APIClient, made: dict[str, Any]
) -> None:
    one = f"{ELEMENTS}/{made[by]}"
    assert api.get(one).json() == made

    changed = put(api, made[by], ledger(description="Something else.")).json()
    assert changed == {**made, "description": "Something else."}
    assert api.get(one).json() == changed

    gone = api.delete(one)
    assert (gone.status_code, gone.content) == (200, b"")
    assert api.get(one).status_code == 404
    assert PrivateElement.objects.count() == 0


def test_it_is_in_its_organizations_lists(api: APIClient, made: dict[str, Any]) -> None:
    assert [one["key"] for one in api.get(ELEMENTS).json()] == [*built_in.elements(), "ledger"]
    assert api.get(f"{ELEMENTS}/keys").json() == [*built_in.elements(), "ledger"]
    assert [one["key"] for one in api.get(f"{ELEMENTS}/metadata").json()] == [
        *built_in.elements(),
        "ledger",
    ]


def test_what_is_read_can_be_written_back(api: APIClient, made: dict[str, Any]) -> None:
    assert put(api, "ledger", made).json() == made


def test_a_key_that_is_taken_is_a_conflict(api: APIClient, made: dict[str, Any]) -> None:
    for body in (ledger(), ledger(key="gmail"), ledger(name="GMail")):
        answer = api.post(ELEMENTS, body, format="json")
        assert answer.status_code == 409
        assert answer.json()["message"].startswith("key: ")


@pytest.mark.parametrize("key", ["6409", "keys", "Metadata", "a key", "../x", "x" * 101, "Ledger"])
def test_a_key_that_cannot_be_one_is_refused(key: str, api: APIClient) -> None:
    answer = api.post(ELEMENTS, ledger(key=key), format="json")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("key ") or "key: " in answer.json()["message"]


def test_the_key_stays(api: APIClient, made: dict[str, Any]) -> None:
    answer = put(api, "ledger", ledger(key="other"))
    assert answer.status_code == 400
    assert answer.json()["message"] == "key: must stay ledger: instances are found by it"


def test_a_built_in_element_is_nobodys_to_change(api: APIClient) -> None:
    for answer in (
        put(api, "gmail", ledger()),
        api.delete(f"{ELEMENTS}/gmail"),
        api.put(f"{ELEMENTS}/6409/active"),
        api.delete(f"{ELEMENTS}/gmail/active"),
    ):
        assert answer.status_code == 403
        assert "clone" in answer.json()["message"]
    assert put(api, "nothing", ledger()).status_code == 404


def test_secrets_are_needed_to_write(made: dict[str, Any]) -> None:
    anonymous = APIClient()
    assert anonymous.post(ELEMENTS, ledger(), format="json").status_code == 401
    assert put(anonymous, "ledger", ledger()).status_code == 401
    assert anonymous.delete(f"{ELEMENTS}/ledger").status_code == 401
    assert anonymous.post(f"{ELEMENTS}/gmail/clone", {}, format="json").status_code == 401


def test_active_flips(api: APIClient, made: dict[str, Any]) -> None:
    assert api.delete(f"{ELEMENTS}/ledger/active").json()["active"] is False
    assert api.get(f"{ELEMENTS}/ledger").json()["active"] is False
    assert api.put(f"{ELEMENTS}/ledger/active").json()["active"] is True


# --- Export and clone ----------------------------------------------------------------------------


def secretive() -> dict[str, Any]:
    configuration: list[dict[str, object]] = [
        {"key": "base.url", "defaultValue": "https://ledger.example.com"},
        {"key": "api.key", "type": "TEXTFIELD_100", "defaultValue": "a-secret"},
    ]
    return ledger(configuration=configuration)


def default_of(element: dict[str, Any], key: str) -> Any:
    (entry,) = [one for one in element["configuration"] if one["key"] == key]
    return entry.get("defaultValue")


def test_an_export_makes_the_same_element_again(
    api: APIClient, other_api: APIClient, made: dict[str, Any]
) -> None:
    exported = api.get(f"{ELEMENTS}/ledger/export").json()
    again = other_api.post(ELEMENTS, exported, format="json").json()
    assert {**again, "id": 0} == {**made, "id": 0}
    assert other_api.get(f"{ELEMENTS}/ledger/export").json() == {**exported, "id": again["id"]}


def test_an_export_names_its_parts_as_the_element_does(
    api: APIClient, made: dict[str, Any]
) -> None:
    """Tools compare an export with what there is, and delete what it does not hold."""
    exported = api.get(f"{ELEMENTS}/ledger/export").json()
    same = ("id", "private", "parameters", "hooks", "resources", "objects")
    assert {name: exported[name] for name in same} == {name: made[name] for name in same}
    assert exported["private"] is True
    assert all(one["id"] and one["hooks"] == [] for one in exported["resources"])
    gmail = api.get(f"{ELEMENTS}/gmail/export").json()
    assert (gmail["id"], gmail["private"]) == (6409, False)


def test_a_secret_is_masked_and_a_mask_written_back_keeps_it(
    api: APIClient, organization: NewOrganization
) -> None:
    made = api.post(ELEMENTS, secretive(), format="json").json()
    assert default_of(made, "api.key") == "********"
    assert default_of(put(api, "ledger", made).json(), "api.key") == "********"

    row = PrivateElement.objects.get()
    assert "a-secret" in row.definition
    assert "a-secret" not in str(PrivateElement.objects.values())


def test_a_secret_is_not_shown_by_taking_its_type(api: APIClient) -> None:
    own = {"key": "pin", "type": "PASSWORD", "defaultValue": "a-secret-pin"}
    api.post(ELEMENTS, ledger(configuration=[own]), format="json")
    plain = {"type": "TEXTFIELD_32", "defaultValue": "********"}

    refused = api.put(f"{ELEMENTS}/ledger/configuration/pin", plain, format="json")

    assert refused.status_code == 400, refused.content
    assert refused.json()["message"].startswith("configuration.pin.type")
    assert "a-secret-pin" not in api.get(f"{ELEMENTS}/ledger").content.decode()
    another = {"type": "TEXTFIELD_32", "defaultValue": "no secret"}
    changed = api.put(f"{ELEMENTS}/ledger/configuration/pin", another, format="json")
    assert changed.json()["defaultValue"] == "no secret"


def test_secrets_are_neither_exported_nor_cloned(api: APIClient) -> None:
    api.post(ELEMENTS, secretive(), format="json")
    exported = api.get(f"{ELEMENTS}/ledger/export").json()
    assert default_of(exported, "api.key") is None
    clone = api.post(f"{ELEMENTS}/ledger/clone", {}, format="json").json()
    assert default_of(clone, "api.key") is None
    assert default_of(clone, "base.url") == "https://ledger.example.com"


def test_a_clone_of_gmail_keeps_its_code_and_has_its_own_defaults(
    api: APIClient, organization: NewOrganization
) -> None:
    clone = api.post(
        f"{ELEMENTS}/gmail/clone", {"name": "Our mail", "key": "our-mail"}, format="json"
    ).json()
    assert (clone["key"], clone["name"], clone["extends"]) == ("our-mail", "Our mail", "gmail")
    assert clone["extended"] is True
    assert api.get(f"{ELEMENTS}/our-mail/export?extendedOnly=true").json()["resources"] == []

    for entry in clone["configuration"]:
        if entry["key"] == "oauth.api.key":
            entry["defaultValue"] = "our-client"
    answer = put(api, "our-mail", clone)
    assert answer.status_code == 200, answer.content

    mine = private.find("our-mail", organization.organization.pk)
    assert mine is not None
    polled = mine.resource("changed-messages")
    assert polled is not None
    assert polled.changes is not None
    assert {field.key: field.default for field in mine.configuration}[
        "oauth.api.key"
    ] == "our-client"


def test_clones_without_a_key_get_one_each(api: APIClient) -> None:
    keys = [api.post(f"{ELEMENTS}/gmail/clone", {}, format="json").json()["key"] for _ in range(3)]
    assert keys == ["gmail-clone", "gmail-clone-2", "gmail-clone-3"]


def test_the_export_of_gmail_is_one_that_extends_it(api: APIClient) -> None:
    exported = APIClient().get(f"{ELEMENTS}/gmail/export").json()
    assert exported["extends"] == "gmail"
    assert {one["kind"] for one in exported["resources"]} == {"inherited"}
    made = api.post(ELEMENTS, {**exported, "key": "mine"}, format="json").json()
    assert [one["path"] for one in made["resources"]] == [
        one["path"] for one in exported["resources"]
    ]


def test_what_has_code_behind_it_cannot_be_had_without_it(api: APIClient) -> None:
    exported = APIClient().get(f"{ELEMENTS}/gmail/export").json()
    del exported["extends"]
    answer = api.post(ELEMENTS, {**exported, "key": "mine"}, format="json")
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "resources[0].kind: is inherited, but no extended element has this"
    )


# --- The configuration, entry by entry -----------------------------------------------------------


def test_entries_are_added_changed_and_deleted(api: APIClient, made: dict[str, Any]) -> None:
    path = f"{ELEMENTS}/ledger/configuration"
    added = api.post(path, {"key": "region", "defaultValue": "eu"}, format="json").json()
    assert (added["key"], added["name"], added["defaultValue"]) == ("region", "region", "eu")
    assert added["id"]
    assert api.post(path, {"key": "region"}, format="json").status_code == 409

    changed = api.put(f"{path}/region", {"name": "Region", "required": True}, format="json").json()
    assert (changed["name"], changed["required"]) == ("Region", True)
    assert "defaultValue" not in changed
    assert "region" in [one["key"] for one in api.get(path).json()["configuration"]]

    assert api.delete(f"{path}/region").status_code == 200
    assert api.delete(f"{path}/region").status_code == 404
    assert "region" not in [one["key"] for one in api.get(path).json()["configuration"]]


@pytest.mark.parametrize("key", ["bulk.size", "event.mine", "Event.x", "a b", ""])
def test_reserved_keys_are_refused(key: str, api: APIClient, made: dict[str, Any]) -> None:
    answer = api.post(f"{ELEMENTS}/ledger/configuration", {"key": key}, format="json")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("key: ")


# --- How much it costs ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/keys", "/metadata"])
def test_a_list_asks_the_database_as_often_for_a_hundred(
    path: str,
    api: APIClient,
    organization: NewOrganization,
    django_assert_num_queries: Any,
) -> None:
    def fill(numbers: range) -> None:
        for number in numbers:
            register.create(organization.organization.pk, ledger(name=f"Ledger {number}"))

    fill(range(1))
    with CaptureQueriesContext(connection) as one:
        assert len(api.get(f"{ELEMENTS}{path}").json()) == 1 + len(built_in.elements())
    fill(range(1, 100))
    with django_assert_num_queries(len(one)):
        assert len(api.get(f"{ELEMENTS}{path}").json()) == 100 + len(built_in.elements())


def test_what_is_kept_in_memory_of_them_stays_within_bounds() -> None:
    element = catalogue.find("gmail")
    private.forget_read()
    for number in range(private.MOST_READ + 10):
        private._read[number, 1] = element, 10
    assert next(number for number, _ in private._read) == 10
    assert len(private._read) == private.MOST_READ

    private._read[0, 2] = element, private.LARGEST_READ
    assert [*private._read] == [(0, 2)]
    private.forget_read()
    assert not private._read


def test_the_definitions_of_an_organization_are_so_large_together(
    api: APIClient,
    other_api: APIClient,
    made: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = len(json.dumps(ledger())) * 6
    monkeypatch.setattr(register, "LARGEST_TOGETHER", stored)
    path, large = f"{API}/elements/{made['key']}", ledger(description="x" * 3_900)
    objects = [{**large["objects"][0], "description": "x" * 3_900}]
    resources = [{**one, "description": "x" * 3_900} for one in large["resources"]]
    large |= {"objects": objects, "resources": resources}
    for answer in (
        api.post(f"{API}/elements", {**large, "name": "Another"}, format="json"),
        api.put(path, large, format="json"),
    ):
        assert answer.status_code == 409, answer.content
        assert f"at most {stored} characters together" in answer.json()["message"]
    assert api.get(f"{API}/elements/another").status_code == 404
    assert api.get(path).json()["description"] == "Entries of a ledger."
    assert other_api.post(f"{API}/elements", ledger(), format="json").status_code == 200

    monkeypatch.setattr(register, "LARGEST_TOGETHER", 1)
    smaller = ledger(description="")
    assert api.put(path, smaller, format="json").status_code == 200


def test_an_organization_has_a_limited_number(
    api: APIClient, organization: NewOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "MOST_ELEMENTS", 1)
    assert api.post(ELEMENTS, ledger(), format="json").status_code == 200
    assert api.post(ELEMENTS, ledger(name="Two"), format="json").status_code == 409


def test_they_go_with_their_organization(made: dict[str, Any]) -> None:
    Organization.objects.all().delete()
    assert PrivateElement.objects.count() == 0


def test_what_it_polls_by_default_is_checked_and_shown(api: APIClient) -> None:
    poller = {"entries": {"url": "/hubs/finance/entries", "idField": "id"}}
    configuration: list[dict[str, object]] = [
        {"key": "base.url", "defaultValue": "https://ledger.example.com"},
        {"key": "event.poller.configuration", "type": "CODE_EDITOR", "defaultValue": poller},
    ]
    made = api.post(ELEMENTS, ledger(configuration=configuration), format="json")
    assert made.status_code == 200, made.content
    metadata = api.get(f"{ELEMENTS}/ledger/metadata").json()
    assert metadata["events"]["methods"] == ["polling"]
    assert "entries" in metadata["events"]["polling"]

    other = {"entries": {"url": "/hubs/finance/other", "idField": "id"}}
    configuration[1] = {**configuration[1], "defaultValue": other}
    answer = api.post(ELEMENTS, ledger(configuration=configuration, key="two"), format="json")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("configuration.event.poller.configuration.entries")
