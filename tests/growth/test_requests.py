"""Headers of requests, and parts of mails, are read in time that grows with their number."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict
from django.http.cookie import parse_cookie
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
