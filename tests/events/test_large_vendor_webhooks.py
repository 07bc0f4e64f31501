"""Webhooks of many megabytes are taken where they can be proven first, and take little memory."""

from __future__ import annotations

import json
import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from pytest_django import Settings

from accounts.provision import NewOrganization
from api.errors import BadRequest
from events import receiver_upload
from events.models import Event
from instances.models import ElementInstance
from tests.events.vendor import BODY, connect, element, send

pytestmark = pytest.mark.django_db
MEGABYTE = 1_048_576
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def books(organization: NewOrganization) -> ElementInstance:
    element(organization)
    return connect(organization)


def of_size(size: int) -> bytes:
    empty = json.dumps({**BODY, "text": ""}).encode()
    return empty.replace(b'"text": ""', b'"text": "' + b"x" * (size - len(empty)) + b'"')


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_large_one_is_told_whole(books: ElementInstance, content_type: str) -> None:
    raw = of_size(3 * MEGABYTE)
    answer = send(f"ledger/{books.pk}", raw, content_type=content_type)
    assert answer.status_code == 200, answer.content
    assert json.loads(Event.objects.get().body)["message"]["raw"] == json.loads(raw)


def test_a_header_names_its_instance_too(books: ElementInstance) -> None:
    named = {"Element-Instances": str(books.pk)}
    assert send("ledger", of_size(2 * MEGABYTE), headers=named).status_code == 200
    assert Event.objects.count() == 1


@pytest.mark.parametrize(("named", "status"), [(5, 200), (6, 413)])
def test_who_has_proven_nothing_has_few_digests_made_of_it(
    books: ElementInstance, named: int, status: int
) -> None:
    ids = [books.pk, *range(books.pk + 1, books.pk + named)]
    header = {"Element-Instances": ", ".join(map(str, ids))}
    assert send("ledger", of_size(2 * MEGABYTE), headers=header).status_code == status
    assert send("ledger", of_size(1_000), headers=header).status_code == 200


def test_the_operator_sets_the_limit(books: ElementInstance, settings: Settings) -> None:
    settings.WEBHOOK_BODY_LIMIT = 2 * MEGABYTE
    settings.HUB_BODY_LIMIT = MEGABYTE
    assert send(f"ledger/{books.pk}", of_size(2 * MEGABYTE)).status_code == 200
    for content_type in ("application/json", FORM, ""):
        answer = send(f"ledger/{books.pk}", of_size(2 * MEGABYTE + 1), content_type=content_type)
        assert answer.status_code == 413
        assert answer.json()["message"] == f"the body is larger than {2 * MEGABYTE} bytes"
    assert Event.objects.count() == 1


def test_what_has_to_be_read_before_it_is_proven_stays_small(books: ElementInstance) -> None:
    answer = send("ledger", of_size(MEGABYTE + 1))
    assert answer.status_code == 413
    assert "name the instance in the address" in answer.json()["message"]


def test_an_unproven_one_is_not_read(books: ElementInstance) -> None:
    small_values = b"[" + b"1," * (4 * MEGABYTE) + b"1]"
    tracemalloc.start()
    answer = send(f"ledger/{books.pk}", small_values, secret="wrong")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 401
    assert most < 4 * len(small_values)  # read as JSON it takes eight times its size and more


def test_a_proven_one_of_too_many_values_is_refused(books: ElementInstance) -> None:
    answer = send(f"ledger/{books.pk}", b"[" + b"1," * (2 * MEGABYTE) + b"1]")
    assert answer.status_code == 400
    assert "more than 1000000 values" in answer.json()["message"]


def test_while_another_large_one_is_read_it_is_to_be_sent_again(
    books: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_upload, "LONGEST_WAIT", 0.01)
    with receiver_upload.AT_ONCE:
        answer: Any = send(f"ledger/{books.pk}", of_size(2 * MEGABYTE))
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert send(f"ledger/{books.pk}").status_code == 200
    assert send(f"ledger/{books.pk}", of_size(2 * MEGABYTE)).status_code == 200


@pytest.mark.parametrize("size", [10, 2 * MEGABYTE])
def test_one_that_breaks_off_is_refused(size: int) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "CONTENT_LENGTH": str(size + 1),
        "wsgi.input": BytesIO(b"x" * size),
    }
    with (
        pytest.raises(BadRequest, match="breaks off"),
        receiver_upload.body_of(WSGIRequest(environ), addressed=True),
    ):
        pass
