"""Every error below /elements/ is JSON with a request id, and says nothing of the inside."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.api.conftest import API

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "status", "message", "provider_message"),
    [
        ("conflict", 409, "it exists already", None),
        ("provider-403", 403, "provider answered 403", "error - {code=403, message=Forbidden}"),
        ("provider-500", 502, "provider answered 500", "error - {code=500, message=Backend}"),
        ("unreachable", 502, "did not answer within 15 s", None),
        ("malformed", 502, "is not JSON", None),
        ("grant-lost", 401, "must be connected again", None),
        ("refused", 400, "10.0.0.1 is a private address", None),
        ("no-element", 404, "No element found with key nonsense", None),
        ("configuration", 400, "event.poller.refresh_interval: must be at least 1", None),
        ("404", 404, "there is nothing at this address", None),
        ("validation", 400, "the value is not right", None),
        ("database", 400, "too large or cannot be stored", None),
        ("no-database", 503, "database cannot be reached: try again later", None),
        ("read-only", 503, "the database is read-only", None),
        ("no-table-though-migrated", 500, "the platform failed", None),
        ("bug", 500, "the platform failed", None),
    ],
)
def test_what_is_raised_becomes_its_answer(
    api: APIClient, kind: str, status: int, message: str, provider_message: str | None
) -> None:
    response = api.get(f"{API}/failing/{kind}")
    body = response.json()
    assert response.status_code == status
    assert message in body["message"]
    assert body.get("providerMessage") == provider_message
    assert body["requestId"] == response["Elements-Request-Id"]
    assert "internal detail" not in response.content.decode()


def test_a_page_says_that_the_database_cannot_be_used(caplog: pytest.LogCaptureFixture) -> None:
    response = Client().get("/read-only")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "the database is read-only" in response.content.decode()
    assert not [each for each in caplog.records if each.exc_info]  # no traceback for each request


def test_a_bug_is_logged_with_its_request_id_and_traceback(
    api: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = api.get(f"{API}/failing/bug")
    (record,) = [each for each in caplog.records if "unexpected error" in each.getMessage()]
    assert response.json()["requestId"] in record.getMessage()
    assert record.exc_info or "internal detail" in record.getMessage()


def test_a_wrong_method_is_405_and_says_which_are_right(api: APIClient) -> None:
    response = api.put(f"{API}/echo", {}, format="json")
    assert response.status_code == 405
    assert "GET" in response["Allow"]
    assert "message" in response.json()


def test_an_accept_header_without_json_is_406(api: APIClient) -> None:
    response = api.get(f"{API}/echo", HTTP_ACCEPT="text/html")
    assert response.status_code == 406
    assert "application/json" in response.json()["message"]


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json;charset=UTF-8"])
def test_any_accept_header_that_allows_json_gets_it(api: APIClient, accept: str) -> None:
    response = api.get(f"{API}/echo", HTTP_ACCEPT=accept)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json;charset=UTF-8"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_type_is_415(api: APIClient, content_type: str) -> None:
    response = api.generic("POST", f"{API}/echo", "a=b", content_type=content_type)
    assert response.status_code == 415
    assert "Content-Type: application/json" in response.json()["message"]


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
def test_an_unknown_address_is_a_json_404(api: APIClient, method: str) -> None:
    response = getattr(api, method)(f"{API}/nothing/here")
    assert response.status_code == 404
    assert response.json()["requestId"] == response["Elements-Request-Id"]


def test_an_unknown_address_is_json_in_debug_mode_too(api: APIClient, settings: Settings) -> None:
    settings.DEBUG = True
    assert "message" in api.get(f"{API}/nothing").json()


def test_an_unknown_host_is_a_json_400(api: APIClient, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["ours.example"]
    response = api.get(f"{API}/nothing", HTTP_HOST="not.ours.example")
    assert response["Content-Type"] == "application/json;charset=UTF-8"
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in response.json()["message"]


def test_nul_in_the_address_is_a_400(api: APIClient) -> None:
    for address in (f"{API}/users?nextPage=%00", f"{API}/nothing%00"):
        response = api.get(address)
        assert response.status_code == 400
        assert "NUL" in response.json()["message"]


def test_a_chunked_body_is_refused_instead_of_overlooked(api: APIClient) -> None:
    response = api.generic("POST", f"{API}/echo", "", HTTP_TRANSFER_ENCODING="chunked")
    assert response.status_code == 411
    assert "Content-Length" in response.json()["message"]


def test_a_view_without_rest_framework_fails_in_json_below_elements() -> None:
    client = Client(raise_request_exception=False)
    response = client.get(f"{API}/plain-view")
    assert response.status_code == 500
    assert response.json()["requestId"] == response["Elements-Request-Id"]


def test_pages_beside_the_api_fail_as_pages(settings: Settings) -> None:
    # Django's own error pages: ours link to pages that are not among these endpoints.
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": []}]
    client = Client(raise_request_exception=False)
    for address, status in (("/page", 500), ("/nothing", 404)):
        response = client.get(address)
        assert response.status_code == status
        assert response["Content-Type"].startswith("text/html")
        assert "Elements-Request-Id" in response
