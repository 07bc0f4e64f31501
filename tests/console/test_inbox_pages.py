"""The inbox as pages: its URL, what arrived, the verdicts, and nobody else's deliveries."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from events import signature
from inbox.addresses import inbox_of, inbox_url
from inbox.keep import Arrived, keep
from inbox.models import InboxDelivery
from tests.events.found import KEY, new_instance

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def organization_of(member: User) -> Organization:
    assert member.organization is not None
    return member.organization


def send(organization: Organization, body: bytes, **headers: str) -> InboxDelivery:
    path = f"/inbox/{inbox_of(organization.default_account).key}"
    answer = Client().post(path, body, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    return InboxDelivery.objects.latest("pk")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/inbox", "/inbox/1"])
def test_nothing_without_signing_in(path: str) -> None:
    assert Client().get(path)["Location"].startswith("/sign-in?next=")


def test_an_empty_inbox_says_its_url_and_what_to_do(
    reader: Client, organization_of: Organization
) -> None:
    page = reader.get("/inbox").content.decode()
    assert inbox_url(organization_of.default_account) in page
    assert 'data-copy="#inbox-url"' in page
    assert "Nothing has arrived yet." in page


def test_what_arrived_is_shown_with_its_verdicts(
    reader: Client, organization_of: Organization
) -> None:
    instance = new_instance(organization_of, url="https://receiver.example/")
    body = json.dumps({"message": {"instanceId": instance.pk, "subject": HOSTILE}}).encode()
    good = signature.headers(KEY, "msg_1", body, timezone.now())
    verifying = send(organization_of, body, **good)
    failing = send(organization_of, body, **{**good, "webhook-signature": "v1,AAAA"})
    foreign = send(organization_of, HOSTILE.encode(), **{"X-Hostile": HOSTILE})

    page = reader.get("/inbox").content.decode()
    assert (
        page.index("cannot be verified")
        < page.index("does not verify")
        < page.index('<span class="badge good">verifies</span>')
    )
    assert "Mailbox" in page
    shown = reader.get(f"/inbox/{verifying.pk}").content.decode()
    assert shown.count(">verifies<") == 2
    assert "msg_1" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    shown = reader.get(f"/inbox/{failing.pk}").content.decode()
    assert "It was made with another key, or of another body." in shown
    shown = reader.get(f"/inbox/{foreign.pk}").content.decode()
    assert "It names no element instance of this account" in shown
    for path in ("/inbox", f"/inbox/{verifying.pk}", f"/inbox/{foreign.pk}"):
        assert HOSTILE not in reader.get(path).content.decode()


def test_the_list_renews_itself_only_where_something_has_come(
    reader: Client, organization_of: Organization
) -> None:
    def asked(known: str) -> Any:
        return reader.get("/inbox", {"known": known}, headers={"HX-Request": "true"})

    def known(answer: Any) -> str:
        return str(re.findall(r'name="known" value="(\w+)"', answer.content.decode())[-1])

    empty = known(reader.get("/inbox"))
    assert asked(empty).status_code == 204
    send(organization_of, b"{}")
    renewed = asked(empty)
    assert renewed.status_code == 200
    assert "<html" not in renewed.content.decode()
    assert asked(known(renewed)).status_code == 204


def test_older_ones_are_on_further_pages(reader: Client, organization_of: Organization) -> None:
    inbox = inbox_of(organization_of.default_account)
    for _ in range(120):
        keep(inbox, Arrived(timezone.now(), [], b"{}", []))
    numbers = []
    path = "/inbox"
    for below in ("71", "21", None):
        answer = reader.get(path)
        numbers += [row.delivery.number for row in answer.context["rows"]]
        page = answer.content.decode()
        assert ("below=" in page) is (below is not None)
        path = f"/inbox?below={below}"
    assert numbers == list(range(120, 0, -1))
    for odd in ("x", "-1", "9" * 30, "\N{SUPERSCRIPT TWO}"):
        assert reader.get("/inbox", {"below": odd}).status_code == 200
    assert "There is nothing older." in reader.get("/inbox?below=1").content.decode()


def test_the_queries_of_a_list_are_as_many_whatever_it_holds(
    reader: Client,
    organization_of: Organization,
    django_assert_max_num_queries: pytest.FixtureRequest,
) -> None:
    instance = new_instance(organization_of, url="https://receiver.example/")
    body = json.dumps({"message": {"instanceId": instance.pk}}).encode()
    for _ in range(30):
        send(organization_of, body)
    with django_assert_max_num_queries(7):  # type: ignore[operator]  # a fixture without types
        assert reader.get("/inbox").status_code == 200


def test_a_test_from_a_form_is_called_one(reader: Client, organization_of: Organization) -> None:
    kept = send(organization_of, b'{"message": {"instanceId": 0}}')
    for path in ("/inbox", f"/inbox/{kept.pk}"):
        page = reader.get(path).content.decode()
        assert "a test from a form" in page
        assert "cannot be verified" in page
    assert "an instance that is not there yet" in page


def test_another_organizations_deliveries_are_not_there(reader: Client, stranger: User) -> None:
    assert stranger.organization is not None
    theirs = send(stranger.organization, b'{"a": "their secret"}')
    assert reader.get(f"/inbox/{theirs.pk}").status_code == 404
    page = reader.get("/inbox").content.decode()
    assert inbox_url(stranger.organization.default_account) not in page
    assert f'/inbox/{theirs.pk}"' not in page
