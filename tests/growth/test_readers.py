"""Whatever somebody else writes is read in time that grows with its length, or refused."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

import ceql
from api import parsers
from api.errors import ApiError
from bulk import flatten
from ceql import WhereError
from elements.errors import ParameterError
from elements.record_dates import dates_of
from elements.url_template import filled
from elements.webhooks import Signature
from events import receiver_body, receiver_signature
from events.receiver_instances import _ids
from hubs import selection
from instances import callback, token_answer
from integrations.gmail import charsets, decoded_message, mail_address
from tests.elements.notes import START
from tests.growth.growth import Work, is_linear, repeated
from transport import error_body, errors, json_text, lenient_answer
from transport.errors import AddressRefused
from transport.guard import read_url

REFUSALS = (ApiError, WhereError, ParameterError, AddressRefused, ValueError)


def in_bytes(read: Callable[[bytes], object]) -> Work:
    return lambda text: read(text.encode())


def retry_after(text: str) -> object:
    return errors.asked_pause({"retry-after": text, "date": text, "x-ratelimit-reset": text})


def charset(text: str) -> object:
    labels = ("", "utf-8", "gb2312", "iso-2022-jp", "hz-gb-2312", "utf-7", "utf-16", "euc-kr")
    return [charsets.text_of(text.encode(), label) for label in labels], charsets.text_of(b"", text)


def mail_headers(text: str) -> object:
    names = ("From", "To", "Subject", "Date", "Content-Type", "Content-Disposition", "Reply-To")
    headers = [{"name": name, "value": text} for name in names]
    return decoded_message.decoded(
        {"id": "1", "payload": {"headers": headers, "filename": text, "mimeType": text}}
    )


def signatures(text: str) -> object:
    return list(receiver_signature._given(Signature("X-Signature"), text))


def webhook_values(text: str) -> object:
    return receiver_body.scalars(receiver_body._json(text.encode()))


def form(text: str) -> object:
    return receiver_body._form(text.encode())


def answer_head(text: str) -> object:
    return lenient_answer.clean(b"HTTP/1.1 200 OK\r\n" + text.encode() + b"\r\n\r\n")


READERS: dict[str, tuple[Work, tuple[str, ...]]] = {
    "Retry-After": (retry_after, ("9", "9.", "Mon, ", "01 Jan ", "0:", "-", " ", "+", "GMT", "(")),
    "charsets": (charset, ("a", "é", "~{", "+", "+AG", "\x1b$B", "\x1b$B!!\x1b(B", "\0", "\x0e")),
    "headers of mails": (
        mail_headers,
        (",", ";", "<", ">", "a@b,", '"', "\\", "(", ")", ":", "=?", "=?a?q?x?= ", ";a=", ';a="',
         "a;filename*0=x", "\r\n ", " ", "/", "é", "@"),
    ),
    "lists of addresses": (
        mail_address.addresses_of,
        (",", "a,", "a@b.example,", "<", "<a", '"', '"a" ', "(", "()", ":;", "a:", "é@",
         "@é.example", "=?utf-8?q?x?= ", "\\", " "),
    ),
    "signatures": (signatures, (",", " ", "a", "v1,", "sha256=", "=")),
    "ids of instances": (_ids, (",", "1,", "1", "=", "MQ==,", " ")),
    "forms": (form, ("&", "a=1&", "a=&", "=", "%", "%41", "+", ";")),
    "JSON of providers": (
        in_bytes(json_text.parse),
        ("[", '{"a":', "1", "[],", '"', "\\", '"\\', "1e9", "-", " ", "9,"),
    ),
    "JSON of callers": (
        in_bytes(parsers.parse_json), ("[", '{"a":', "1", '"', "\\", "1e9", ".", " ", "\u00e9"),
    ),
    "JSON of webhooks": (webhook_values, ("[", '{"a":', "1", '"', "\\", "1e9", " ")),
    "failing answers": (
        in_bytes(error_body.read),
        ("[", '{"error":', "quota ", "exceeded ", "rate limit ", "too many ", "a", " ", "9", "<"),
    ),
    "heads of answers": (
        answer_head,
        ("\n", "\r\n", ":", "a:b\n", "Content-Length: 1\n", "\t", "a", ",", "connection:,\n"),
    ),
    "token answers": (
        in_bytes(token_answer.parts_of), ("a=1&", "&", "=", "%41", "[", '{"a":', "+"),
    ),
    "lifetimes of tokens": (
        token_answer.seconds, ("9", "9.", "_1", "1_", "P1D", "PT1H", " ", "-", "1:", "days ", "e9"),
    ),
    "scopes": (token_answer.scope, (" ", ",", "a ", "a,", "é")),
    "where-clauses": (
        ceql.parse,
        ("a", "a=1 and ", "a=1 or ", "not ", "(", "a in (1,", "'", "''", "`", "a.", "-", "/*", "--",
         "%", "a like '%'", "1", " "),
    ),
    "orders and fields": (
        lambda text: (selection._orders(text), selection._fields(text)),
        (",", "a,", "a", "a desc,", "`", " ", "a."),
    ),
    "templates": (
        lambda text: filled(text, START, dates_of({})),
        ("$", "${", "${date", "${epoch}", "${epoch:s}Z", "}", "${epoch}%2B", "%", "${gmtDate:y}"),
    ),
    "callback headers": (
        lambda text: callback.read(text, path="it"),
        ("a: b\n", "\n", ":", "a", "{", '{"a":', "\r\n", "\t", " "),
    ),
    "addresses of callbacks": (
        lambda text: read_url(f"https://{text}"),
        ("a", "a.", ".", "é", "é.", "xn--", "xn--a.", "[", ":", "@", "0x", "1.", "/", "\u3002"),
    ),
    "cells of a table": (flatten.cell, ("=", ";=", "\t=", '\n"=', ";", '"', "a")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "unit"), [(name, unit) for name, (_, units) in READERS.items() for unit in units]
)
def test_a_reader(name: str, unit: str) -> None:
    def read(text: str) -> object:
        with suppress(*REFUSALS):
            return READERS[name][0](text)
        return None

    assert is_linear(read, partial(repeated, "", unit))


@pytest.mark.parametrize("unit", ["a", "\r\n", "a: b\r\n", "\n"])
@pytest.mark.parametrize("beginning", ["HTTP/1.1 200 OK\r\n", "", "HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_answer_that_comes_byte_by_byte(beginning: str, unit: str) -> None:
    loop = asyncio.new_event_loop()

    def read(text: str) -> object:
        handler = lenient_answer.LenientHandler(loop)
        handler.set_response_params()
        for byte in text.encode():
            handler.data_received(bytes([byte]))
            if handler.exception() is not None or handler._head is None:
                break
        return handler

    try:
        assert is_linear(read, partial(repeated, beginning, unit))
    finally:
        loop.close()


def memory_of(work: Callable[[], object]) -> int:
    """Return the most bytes that were held at once."""
    tracemalloc.start()
    try:
        with suppress(*REFUSALS):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LONG_NAME = 100_000  # characters
MANY = 5_000  # values below it
MOST = 30_000_000  # bytes, two hundred times what is read


@pytest.mark.parametrize("many", [[0] * MANY, {str(number): 0 for number in range(MANY)}], ids=type)
def test_a_long_name_is_not_written_for_each_of_what_is_below_it(many: Any) -> None:
    body = json.dumps({"k" * LONG_NAME: many}).encode()
    assert memory_of(lambda: parsers.parse_json(body)) < MOST


def test_a_fault_below_a_long_name_is_named_in_short() -> None:
    with pytest.raises(ApiError, match=r"^k{100}\[1\]\.b contains a NUL") as raised:
        parsers.parse_json(b'{"%s":[1,{"b":"\\u0000"}]}' % (b"k" * LONG_NAME))
    assert len(str(raised.value)) < 200


def test_a_long_name_of_an_object_is_no_column_for_each_of_its_fields() -> None:
    record: dict[str, Any] = {"k" * LONG_NAME: {str(number): 0 for number in range(MANY)}}
    assert memory_of(lambda: flatten.added([], record)) < MOST
    assert list(flatten.added([], record)) == [flatten.OTHERS]
