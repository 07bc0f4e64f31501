"""Headers of requests, and parts of mails, are read in time that grows with their number."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest
from django.core.exceptions import SuspiciousOperation, TooManyFieldsSent
from django.http import QueryDict
from django.http.cookie import parse_cookie
from django.http.multipartparser import MultiPartParserError
from django.test import RequestFactory
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from api.renderers import JSONRenderer
from integrations.gmail import decoded_message
from tests.growth.growth import is_linear, repeated

PLAIN = {"mimeType": "text/plain", "body": {"data": "YQ"}}
HTML = {"mimeType": "text/html", "body": {"data": "PHA-YTwvcD4"}}
FILE = {"mimeType": "image/png", "filename": "a.png", "body": {"attachmentId": "a", "size": 1}}


@pytest.mark.parametrize("kind", ["mixed", "alternative", "related", "report"])
@pytest.mark.parametrize("parts", [[PLAIN], [HTML], [FILE], [PLAIN, HTML], [PLAIN, FILE, HTML]])
def test_the_parts_of_a_mail(kind: str, parts: list[dict[str, object]]) -> None:
    def read(text: str) -> object:
        payload = {"mimeType": f"multipart/{kind}", "parts": parts * len(text)}
        return decoded_message.decoded({"id": "1", "payload": payload})

    assert is_linear(read, lambda length: "x" * length, longest=10_000)


@pytest.mark.parametrize("kind", ["mixed", "alternative", "related", "report"])
@pytest.mark.parametrize("beside", [[], [PLAIN], [HTML, FILE]])
def test_parts_within_parts_of_a_mail(kind: str, beside: list[dict[str, object]]) -> None:
    def read(text: str) -> object:
        payload: dict[str, object] = {**PLAIN}
        for _ in text:
            payload = {"mimeType": f"multipart/{kind}", "parts": [*beside, payload]}
        return decoded_message.decoded({"id": "1", "payload": payload})

    assert is_linear(read, lambda length: "x" * length, longest=10_000)


FIELD = b'--x\r\nContent-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    "unit",
    [
        FIELD + b"\r\n\r\n1\r\n",
        FIELD + b'; filename="b"\r\n\r\n1\r\n',
        FIELD + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        b"--x\r\n", b"--x", b"--", b"\r\n", b"\r", b"\n", b"x", b'a: "', b"; a*0=", b"a\r\n ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("beginning", [b"", b"--x\r\n", FIELD, FIELD + b"\r\n\r\n"])
def test_multipart_forms(beginning: bytes, unit: bytes) -> None:
    def read(text: str) -> object:
        content_type = "multipart/form-data; boundary=x"
        request = RequestFactory().generic("POST", "/", text.encode(), content_type)
        with suppress(MultiPartParserError, SuspiciousOperation):
            return [dict(request.POST), dict(request.FILES)]
        return None

    assert is_linear(read, partial(repeated, beginning.decode(), unit.decode()))


@pytest.mark.parametrize("unit", ["a=1;", ";", "=", '"', "a", "\\", 'a="b;', " "])
def test_cookies(unit: str) -> None:
    assert is_linear(parse_cookie, partial(repeated, "", unit))


@pytest.mark.parametrize("unit", ["a/b,", ",", ";", ";q=", '"', "a/b;q=0.1,", "*/*,", "/", " "])
def test_accept(unit: str) -> None:
    def read(text: str) -> object:
        request = Request(RequestFactory().get("/", headers={"accept": text}))
        with suppress(NotAcceptable):
            return DefaultContentNegotiation().select_renderer(request, [JSONRenderer()])
        return None

    assert is_linear(read, partial(repeated, "", unit))


@pytest.mark.parametrize("unit", ["&", "a=1&", "=", "%", "%41", "+"])
def test_queries(unit: str) -> None:
    def read(text: str) -> object:
        with suppress(TooManyFieldsSent):
            return dict(QueryDict(text))
        return None

    assert is_linear(read, partial(repeated, "", unit))
