"""The catalogue: what can be connected, found by typing, with what is connected first."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Organization, User
from accounts.provision import NewOrganization
from accounts.reach import Reach
from elements import built_in, register
from instances import census
from instances.models import ElementInstance

BUILT_IN = [element.name for element in built_in.elements().values()]
PRIVATE = {
    "name": "<b>Ledger</b>",
    "key": "ledger",
    "hub": "finance",
    "authentication": {"type": "apiKey"},
    "configuration": [{"key": "base.url", "defaultValue": "https://api.example.com"}],
    "resources": [
        {"method": "GET", "path": "/hubs/finance/entries", "vendorPath": "/v1/entries"},
    ],
}


@pytest.fixture
def private_element(organization: NewOrganization) -> None:
    register.create(organization.organization.pk, PRIVATE)


def names(browser: Client, query: str = "") -> list[str]:
    """Of the cards, in their order."""
    page = browser.get(f"/catalogue{query}").content.decode()
    return re.findall(r"<h2>(.*?)</h2>", page)


def connected(user: User, organization: Organization, element_key: str, count: int = 1) -> None:
    for number in range(count):
        name = f"{element_key} {number}"
        token = f"{name} of {organization.pk}, {ElementInstance.objects.count()}"
        ElementInstance.objects.create(
            organization=organization,
            user=user,
            element_key=element_key,
            name=name,
            token=token,
            token_digest=token,
        )


def test_a_card_says_what_an_element_is(browser: Client, private_element: None) -> None:
    page = browser.get("/catalogue").content.decode()
    for said in ("Gmail", "6409", "general", "/catalogue/gmail/authenticate", "not connected yet"):
        assert said in page
    assert "&lt;b&gt;Ledger&lt;/b&gt;" in page
    assert page.count(">private<") == 1


def test_what_is_connected_comes_first(
    browser: Client, organization: NewOrganization, private_element: None, stranger: User
) -> None:
    assert names(browser) == ["&lt;b&gt;Ledger&lt;/b&gt;", *BUILT_IN]
    connected(organization.user, organization.organization, "gmail", 2)
    assert stranger.organization is not None
    connected(stranger, stranger.organization, "github")
    others = [name for name in BUILT_IN if name != "Gmail"]
    assert names(browser) == ["Gmail", "&lt;b&gt;Ledger&lt;/b&gt;", *others]
    page = browser.get("/catalogue").content.decode()
    assert "2 instances" in page
    assert "1 instance" not in page


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("gm", ["Gmail"]),
        ("MAIL google", ["Gmail"]),
        ("6410", ["GitHub"]),
        ("finance", ["&lt;b&gt;Ledger&lt;/b&gt;"]),
        ("nothing", []),
        ("%00", ["&lt;b&gt;Ledger&lt;/b&gt;", *BUILT_IN]),
    ],
)
def test_typing_finds_elements(
    browser: Client, private_element: None, asked: str, found: list[str]
) -> None:
    assert names(browser, f"?q={asked}") == found


def test_private_elements_of_others_are_not_there(private_element: None, stranger: User) -> None:
    other = Client()
    other.force_login(stranger)
    assert "Ledger" not in other.get("/catalogue").content.decode()
    for method in (other.get, other.post):
        assert method("/catalogue/ledger/authenticate").status_code == 404


def test_counts_end_somewhere(
    browser: Client, organization: NewOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "MOST_COUNTED", 3)
    connected(organization.user, organization.organization, "gmail", 5)
    assert "more than 3 instances" in browser.get("/catalogue").content.decode()


def test_it_takes_as_many_queries_for_many_instances(
    browser: Client,
    organization: NewOrganization,
    private_element: None,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    browser.get("/catalogue")
    for _ in range(2):
        with django_assert_num_queries(6):
            browser.get("/catalogue")
        connected(organization.user, organization.organization, "gmail", 20)


def test_it_has_pages(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.catalogue.CARDS", 1)
    assert names(browser) == ["GitHub"]
    assert names(browser, "?page=2") == ["Gmail"]
    assert names(browser, "?page=x") == ["GitHub"]


def test_the_former_address_leads_here(browser: Client) -> None:
    assert browser.get("/connect")["Location"] == "/catalogue"


def test_suggested_tags_are_the_organizations_own(
    browser: Client,
    organization: NewOrganization,
    stranger: User,
) -> None:
    connected(organization.user, organization.organization, "gmail", 3)
    ElementInstance.objects.update(tags=["sales", "europe"])
    ElementInstance.objects.filter(name="gmail 0").update(tags=["sales"])
    ElementInstance.objects.filter(name="gmail 1").update(tags=["gmail 1"])
    assert stranger.organization is not None
    connected(stranger, stranger.organization, "github")
    ElementInstance.objects.filter(element_key="github").update(tags=["theirs"])
    assert census.usual_tags(Reach(organization.organization), 5) == ["sales", "europe"]
