"""The part of an instance's edit page where somebody asks for unsigned webhooks."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from accounts.provision import NewOrganization
from audit.models import Action, AuditEntry, Source
from events.models import UnsignedAddress
from events.networks import ANY
from instances.models import ElementInstance
from tests.events.vendor import connect, element, send

pytestmark = pytest.mark.django_db
NETWORKS = "203.0.113.0/24\r\n 2001:db8::/32,"


@pytest.fixture
def books(organization: NewOrganization) -> ElementInstance:
    element(organization, signature={"proof": "none"})
    return connect(organization, secret="")


def page(reader: Client, instance: ElementInstance) -> str:
    answer = reader.get(f"/instances/{instance.pk}/edit")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def press(reader: Client, instance: ElementInstance, **fields: str) -> str:
    answer = reader.post(f"/instances/{instance.pk}/unsigned-webhooks", fields, follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def address_on(text: str) -> str:
    [path] = re.findall(r'value="http://localhost:8000(/elements/[^"]*/unsigned/[\w-]{43})"', text)
    return str(path)


def test_it_warns_before_anything_is_taken(reader: Client, books: ElementInstance) -> None:
    shown = page(reader, books)
    assert "does not sign its webhooks. None are taken until you make an address" in shown
    assert "nothing proves who sent a webhook" in shown
    assert re.search(r'value="networks" checked', shown)
    assert not UnsignedAddress.objects.exists()


def test_an_element_whose_provider_signs_has_no_such_part(
    reader: Client, organization: NewOrganization
) -> None:
    element(organization)
    books = connect(organization)
    assert "Unsigned webhooks" not in page(reader, books)
    shown = press(reader, books, who=ANY, do="address")
    assert "does not take unsigned webhooks" in shown
    assert not UnsignedAddress.objects.exists()


def test_an_address_is_made_and_shown_once(reader: Client, books: ElementInstance) -> None:
    path = address_on(press(reader, books, who="networks", networks=NETWORKS, do="address"))
    row = UnsignedAddress.objects.get()
    assert row.networks == ["203.0.113.0/24", "2001:db8::/32"]
    shown = page(reader, books)
    assert path not in shown
    assert "203.0.113.0/24\n2001:db8::/32</textarea>" in shown
    answer = Client().post(path, {}, content_type="application/json", REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 422  # taken, and not understood
    assert "The last one came" in page(reader, books)
    [entry] = AuditEntry.objects.filter(action=Action.UNSIGNED_WEBHOOKS)
    assert (entry.instance_id, entry.source) == (books.pk, Source.CONSOLE)


def test_who_may_send_is_changed_and_the_address_stays(
    reader: Client, books: ElementInstance
) -> None:
    press(reader, books, who="networks", networks="203.0.113.7", do="address")
    before = UnsignedAddress.objects.get().key_digest
    shown = press(reader, books, who=ANY, networks="203.0.113.7", do="networks")
    assert "The address is the same." in shown
    assert re.search(r'value="any" checked', shown)
    row = UnsignedAddress.objects.get()
    assert (row.networks, row.key_digest) == ([ANY], before)


@pytest.mark.parametrize(
    ("networks", "said"), [("", "networks is missing"), ("203.0.113.0/24 here", "networks[1] must")]
)
def test_a_slip_of_the_pen_opens_nothing(
    reader: Client, books: ElementInstance, networks: str, said: str
) -> None:
    assert said in press(reader, books, who="networks", networks=networks, do="address")
    assert said in press(reader, books, networks=networks, do="address")
    assert not UnsignedAddress.objects.exists()


def test_somebody_who_was_refused_is_shown(reader: Client, books: ElementInstance) -> None:
    press(reader, books, who="networks", networks="203.0.113.7", do="address")
    UnsignedAddress.objects.update(refused_at=timezone.now(), refused_from="198.51.100.9")
    assert "198.51.100.9</span> is in no allowed network" in page(reader, books)


def test_it_is_ended(reader: Client, books: ElementInstance) -> None:
    path = address_on(press(reader, books, who=ANY, do="address"))
    answer = reader.post(f"/instances/{books.pk}/unsigned-webhooks/end", follow=True)
    assert "Nothing unsigned is taken any more." in answer.content.decode()
    assert Client().post(path, {}, content_type="application/json").status_code == 404
    assert send(f"ledger/{books.pk}", secret="").status_code == 401
