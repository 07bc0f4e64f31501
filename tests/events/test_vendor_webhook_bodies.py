"""Whatever somebody sends to a receiver: read as declared, or refused with what is wrong."""

from __future__ import annotations

import json
import tracemalloc
import zlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from api.errors import BadRequest, Unprocessable
from elements import definition
from elements.calls import ChangeType, Received, Told
from elements.webhooks import Signature, Webhook
from events.models import Event
from events.receiver_body import Sent, changes, scalars
from instances.models import ElementInstance
from tests.elements.ledger import ledger
from tests.events.vendor import API, BODY, HEADER, WEBHOOK, connect, element, send, signature

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def books(organization: NewOrganization) -> ElementInstance:
    element(organization)
    return connect(organization)


def message() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Event.objects.get().body)["message"]
    return found


def declared(**webhook: Any) -> Webhook:
    given = {"signature": WEBHOOK["signature"], "objectType": "value:things", **webhook}
    read = definition.element(
        ledger(webhook=given), id=1, key="ledger", active=True, organization_id=1
    )
    assert read.webhook is not None
    return read.webhook


def told(value: Any, headers: dict[str, str] | None = None, **webhook: Any) -> list[Told]:
    sent = Sent(json.dumps(value).encode(), "application/json", headers or {})
    return changes(sent, declared(**webhook))


def test_code_may_read_what_is_sent() -> None:
    def read(received: Received) -> list[Told]:
        if received.headers.get("X-Kind") != "entry":
            return []
        return [Told(received.value["type"], received.value["id"], ChangeType.DELETED)]

    webhook = Webhook(Signature("X-Signature"), read=read)

    def told_of(type_: str, id_: str, kind: str) -> list[Told]:
        body = json.dumps({"type": type_, "id": id_}).encode()
        return changes(Sent(body, "application/json", {"X-Kind": kind}), webhook)

    assert told_of("entries", "e1", "entry") == [Told("entries", "e1", ChangeType.DELETED)]
    assert told_of("entries", "e1", "ping") == []
    assert told_of("t" * 101, "e1", "entry")[0].object_type == "t" * 100
    with pytest.raises(BadRequest, match="an object id has 1001 characters"):
        told_of("entries", "e" * 1001, "entry")


# --- Where things stand --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "webhook", "ids"),
    [
        ({"id": "a"}, {}, ["a"]),
        ([{"id": "a"}, {"id": 2}], {}, ["a", "2"]),
        (
            {"data": {"list": [{"key": {"n": 1.0}}]}},
            {"records": "data.list", "objectId": "key.n"},
            ["1"],
        ),
        ({"ids": ["a", 7]}, {"records": "ids"}, ["a", "7"]),
        ({"data": {"id": "a"}}, {"records": "data"}, ["a"]),
        ({"list": [{"ids": ["a", "b"]}]}, {"records": "list.0.ids"}, ["a", "b"]),
        ({"id": "whole", "list": [{"name": "no id"}]}, {"records": "list"}, [""]),
        ({"id": {"deep": 1}}, {}, [""]),
        ({"id": True}, {}, ["true"]),
        ({}, {"objectId": "header:X-Resource"}, ["r1"]),
    ],
)
def test_records_and_their_ids(value: Any, webhook: dict[str, Any], ids: list[str]) -> None:
    found = told(value, {"X-Resource": "r1"}, **webhook)
    assert [one.object_id for one in found] == ids


@pytest.mark.parametrize(
    ("value", "records"),
    [
        ({"other": 1}, "list"),
        ({"list": None}, "list"),
        ({"list": "text"}, "list.id"),
        ({"what": "renamed"}, "list"),
    ],
)
def test_what_lacks_its_records_is_refused_but_for_a_ping(value: Any, records: str) -> None:
    words: dict[str, Any] = {"eventType": "what", "eventTypes": {"ping": "ignored"}}
    with pytest.raises(Unprocessable, match=f"nothing stands at {records}"):
        told(value, records=records, **words)
    assert told({**value, "what": "ping"}, records=records, **words) == []
    assert told({"list": []}, records="list", **words) == []


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("added", "CREATED"),
        ("created", "CREATED"),
        ("Delete", "DELETED"),
        ("renamed", "UPDATED"),
        (None, "UPDATED"),
        (["added"], "UPDATED"),
        ("ping", None),
    ],
)
@pytest.mark.parametrize("place", ["record", "whole", "header"])
def test_the_providers_words_for_what_happened(word: Any, kind: str | None, place: str) -> None:
    table = {"added": "created", "ping": "ignored"}
    value: dict[str, Any] = {"list": [{"id": "a", **({"what": word} if place == "record" else {})}]}
    value |= {"what": word} if place == "whole" else {}
    headers = {"X-What": word} if isinstance(word, str) else {}
    where = "header:X-What" if place == "header" else "what"
    found = told(value, headers, records="list", eventType=where, eventTypes=table)
    assert [one.change_type for one in found] == ([] if kind is None else [kind])


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        (1769860800, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (1769860800000, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("1769860800000000", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("1769860800.5", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("yesterday", None),
        (10**300, None),
        ("0001-01-01T00:00:00+14:00", None),
        (None, None),
        ({}, None),
        ("\u0661", None),
    ],
)
def test_dates(value: Any, date: datetime | None) -> None:
    (one,) = told({"id": "a", "at": value}, date="at")
    assert one.date == date


def test_object_types_are_translated_and_bounded() -> None:
    table = {"contact.creation": "contacts"}
    words = ["contact.creation", "deal", "x" * 500, None]
    value = [{"id": "a", "type": word} for word in words]
    found = told(value, objectType="type", objectTypes=table)
    assert [one.object_type for one in found] == ["contacts", "deal", "x" * 100, "unknown"]


def test_values_to_look_for_are_few_short_and_near_the_top() -> None:
    deep = {"a": {"b": [{"c": "deep"}]}, "near": 5, "long": "x" * 201, "bad": ["\0", "\ud800", ""]}
    assert scalars(deep) == ["5", "deep"]
    assert len(scalars(list(range(100_000)))) == 1_000
    assert scalars("alone") == ["alone"]


# --- Bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "text/plain", "", "application/cloudevents+json; charset=utf-8"],
)
def test_json_of_any_name(books: ElementInstance, media_type: str) -> None:
    assert send(f"ledger/{books.pk}", content_type=media_type).status_code == 200
    assert message()["raw"] == BODY


def test_a_form_is_its_fields(organization: NewOrganization) -> None:
    element(organization, records="", eventType="event", objectId="entry")
    books = connect(organization)

    body = b"entry=e%C3%A9&event=removed&kind=entry&tag=a&tag=b&empty="
    assert send(f"ledger/{books.pk}", body, content_type=FORM).status_code == 200

    found = message()
    assert found["raw"] == {
        "entry": "e\xe9",
        "event": "removed",
        "kind": "entry",
        "tag": ["a", "b"],
        "empty": "",
    }
    assert [one["eventType"] for one in found["events"]] == ["DELETED"]
    assert found["events"][0]["objectId"] == "e\xe9"


def test_a_field_of_a_form_may_hold_the_body(organization: NewOrganization) -> None:
    element(organization, formField="payload")
    books = connect(organization)
    body = urlencode({"payload": json.dumps(BODY), "other": "x"}).encode()

    assert send(f"ledger/{books.pk}", body, content_type=FORM).status_code == 200

    assert message()["raw"] == BODY
    assert [one["objectId"] for one in message()["events"]] == ["e1"]


def test_a_query_is_its_fields_and_signed_as_it_came(organization: NewOrganization) -> None:
    element(organization, records="", objectId="entry", eventType="event")
    books = connect(organization)
    query = "entry=e%201&event=added&kind=entry"
    path = f"{API}/events/ledger/{books.pk}?{query}"

    assert APIClient().get(path).status_code == 401
    right = {HEADER: signature(query.encode())}
    assert APIClient().get(f"{path}&more=1", headers=right).status_code == 401
    assert APIClient().get(path, headers=right).status_code == 200

    assert message()["raw"] == {"entry": "e 1", "event": "added", "kind": "entry"}
    assert message()["events"][0]["objectId"] == "e 1"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON in UTF-8"),
        (b"[" * 100_000, 400, "nested deeper than 50 levels"),
        (b"[" * 60 + b"]" * 60, 400, "nested deeper than 50 levels"),
        (b'{"n":' + b"9" * 5_000 + b"}", 400, "not JSON"),
        (json.dumps([{"id": n} for n in range(1_001)]).encode(), 400, "1001 records; 1000 are"),
        (json.dumps([{"id": "x" * 1_001}]).encode(), 400, "1001 characters; 1000 are"),
        (b"[]", 200, ""),
        (b"null", 422, "nothing stands at its body"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else str(value),
)
def test_signed_bodies_that_cannot_be_read_say_why(
    organization: NewOrganization, body: bytes, status: int, says: str
) -> None:
    element(organization, records="")
    books = connect(organization)

    answer = send(f"ledger/{books.pk}", body)

    assert answer.status_code == status, answer.content
    if status != 200:
        assert says in answer.json()["message"]
        assert not Event.objects.exists()


def test_bodies_that_nobody_signed_are_not_read(books: ElementInstance) -> None:
    for body in (b"", b"{", b"[" * 100_000):
        assert send(f"ledger/{books.pk}", body, secret="wrong").status_code == 401
        assert send(f"ledger/{books.pk + 1}", body).status_code == 404
        assert send("ledger", body).status_code == 400  # where the body says whom it is for


def test_files_and_forms_of_many_fields_are_refused(books: ElementInstance) -> None:
    answer = send(f"ledger/{books.pk}", b"--x--", content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 415
    fields = b"&".join(b"a=1" for _ in range(1_001))
    answer = send(f"ledger/{books.pk}", fields, content_type=FORM)
    assert (answer.status_code, "1000 fields" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_packed_is_never_unpacked(books: ElementInstance, encoding: str) -> None:
    """What unpacks to a thousand times its size would be paid for before anything is proven."""
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    body = packer.compress(bytes(64 * 2**20)) + packer.flush()
    tracemalloc.start()
    try:
        answer = send(f"ledger/{books.pk}", body, headers={"Content-Encoding": encoding})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 400
    assert peak < 8 * 2**20
    assert not Event.objects.exists()


def test_characters_that_a_database_does_not_take_are_delivered(
    organization: NewOrganization,
) -> None:
    element(organization, records="", objectTypes={})
    books = connect(organization)
    body = b'{"id": "a\\u0000b\\ud800", "kind": "k\\u0000", "n": 1e999, "text": "\\udfff"}'

    assert send(f"ledger/{books.pk}", body).status_code == 200

    event = Event.objects.get()
    assert event.object_type == "k\N{REPLACEMENT CHARACTER}"
    assert json.loads(event.body)["message"]["raw"]["id"] == "a\0b\ud800"
    assert json.loads(event.body)["message"]["raw"]["n"] is None


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("x", 400),
        ("1,,2", 404),
        ("-1", 400),
        ("1" * 30, 400),
        (",".join("1" for _ in range(51)), 400),
        ("999999999999999999", 404),
        (" , ", 404),
        ("\xe9", 400),
    ],
)
def test_the_header_of_instances(header: str, status: int) -> None:
    answer = send("nothing", headers={"Element-Instances": header})
    assert answer.status_code == status, answer.content


@pytest.mark.parametrize("ref", ["%FF", "....", "MjA5MzE", "\u0663", "1" * 5_000, "a%2Fb", "%20"])
def test_any_reference(ref: str) -> None:
    assert send(f"nothing/{ref}").status_code == 404


def test_methods_that_it_lacks_and_paths_below(books: ElementInstance) -> None:
    path = f"{API}/events/ledger/{books.pk}"
    for method in ("put", "patch", "delete"):
        answer = getattr(APIClient(), method)(path)
        assert answer.status_code == 405
        assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"
    for below in ("/events", "/events/", "/events/a/b/c"):
        for method in ("get", "post"):
            answer = getattr(APIClient(), method)(f"{API}{below}")
            assert answer.status_code == 404
            assert answer.json()["message"] == "there is nothing at this address"
