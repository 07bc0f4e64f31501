"""What is refused before anything of it is read, and headers that must not decide how we read."""

from __future__ import annotations

from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.test import Client
from rest_framework.test import APIClient

from config.wsgi import Request, application
from tests.api.conftest import API

TOO_LARGE = 1_048_577  # bytes


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain;charset=hex",
        "text/plain;charset=idna",
        "text/plain;charset=unicode_escape",
        "text/plain;charset*=hex''%41",
        "text/plain;" + "a=b;" * 5000,
    ],
)
def test_a_charset_never_decides_how_an_address_is_read(content_type: str) -> None:
    environ: dict[str, Any] = {"CONTENT_TYPE": content_type, "QUERY_STRING": "a=%5Cud800%C3%A9"}
    setup_testing_defaults(environ)

    assert Request(environ).GET.dict() == {"a": "\\ud800é"}
    assert application.request_class is Request


@pytest.mark.parametrize("path", [f"{API}/echo", "/page", "/nothing"])
@pytest.mark.parametrize("length", [TOO_LARGE, 10**30])
def test_a_body_that_is_too_large_is_refused_unread(path: str, length: int) -> None:
    answer = Client().post(
        path, b"x", "multipart/form-data; boundary=x", CONTENT_LENGTH=str(length)
    )

    assert answer.status_code == 413


@pytest.mark.django_db
def test_the_refusal_says_how_large_a_body_may_be(api: APIClient) -> None:
    answer = api.post(f"{API}/echo", b"x" * TOO_LARGE, content_type="application/json")

    assert answer.status_code == 413
    assert answer.json()["message"] == "the body is larger than 1048576 bytes"
    assert answer.json()["requestId"] == answer["Elements-Request-Id"]


@pytest.mark.parametrize("path", [f"{API}/echo", "/page"])
def test_a_body_in_chunks_is_refused(path: str) -> None:
    answer = Client().post(path, HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH="")

    assert answer.status_code == 411
