"""A proxy that ends TLS in front: what it must say, and what is said where it doesn't."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from accounts.provision import create_organization
from api import tls_redirect
from config import public_url

ROOT = Path(__file__).resolve().parents[2]
PAGE = "/sign-in"
API = "/elements/api-v2/elements"
HTTPS = {"X-Forwarded-Proto": "https"}
PASSWORD = "a passphrase of words"


@pytest.fixture
def redirecting(settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = True


@pytest.fixture
def behind(redirecting: None, settings: LazySettings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.usefixtures("redirecting")
def test_a_redirect_that_would_never_end_is_a_sentence_that_names_the_setting() -> None:
    page = Client().get(PAGE, headers=HTTPS)
    api = Client().get(API, headers=HTTPS)
    assert (page.status_code, api.status_code) == (400, 400)
    assert "BEHIND_TLS_PROXY=true" in page.content.decode()
    assert page["Content-Type"].startswith("text/plain")
    assert "BEHIND_TLS_PROXY=true" in api.json()["message"]


@pytest.mark.usefixtures("redirecting")
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Proto": "http"}])
def test_plain_http_is_redirected_to_https(headers: dict[str, str]) -> None:
    answer = Client().get(PAGE, headers=headers)
    assert (answer.status_code, answer["Location"]) == (301, f"https://testserver{PAGE}")


@pytest.mark.django_db
@pytest.mark.usefixtures("behind")
def test_a_proxy_is_believed_and_one_that_says_nothing_is_told_of() -> None:
    assert Client().get(PAGE, headers=HTTPS).status_code == 200
    assert Client().get(PAGE, headers={"X-Forwarded-Proto": "http"}).status_code == 301
    silent = Client().get(PAGE)
    assert silent.status_code == 400
    assert "proxy_set_header X-Forwarded-Proto" in silent.content.decode()
    assert Client().get("/health/live").status_code == 200  # probes come beside the proxy


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "headers", "named"),
    [
        (0, {**HTTPS, "X-Forwarded-For": "192.0.2.1"}, "PROXIES is 0"),
        (1, HTTPS, "proxy_set_header X-Forwarded-For"),
        (1, {**HTTPS, "X-Forwarded-For": "192.0.2.1"}, None),
    ],
)
@pytest.mark.usefixtures("behind")
def test_a_proxy_that_makes_one_of_all_clients_is_logged_once(
    settings: LazySettings, proxies: int, headers: dict[str, str], named: str | None
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    tls_redirect._logged.clear()
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            Client().get(PAGE, headers=headers)
    faults = [line["fault"] for line in lines if line["event"] == "web.proxy_set_up"]
    assert len(faults) == (0 if named is None else 1)
    assert all(named is not None and named in fault for fault in faults)


@pytest.mark.django_db
def test_people_sign_in_behind_a_proxy_that_asks_by_another_host_name(
    settings: LazySettings,
) -> None:
    create_organization("An organization", "user@example.com", PASSWORD)
    browser = Client(enforce_csrf_checks=True)
    browser.get(PAGE)
    token = browser.cookies["csrftoken"].value
    typed = {"username": "user@example.com", "password": PASSWORD, "csrfmiddlewaretoken": token}
    elsewhere = browser.post(PAGE, typed, headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403
    answer = browser.post(PAGE, typed, headers={"Origin": settings.PUBLIC_URL})
    assert answer.status_code == 302


def test_settings_follow_from_one_another() -> None:
    program = (
        "import json; from config import settings as s; print(json.dumps([s.PUBLIC_URL, "
        "s.CSRF_TRUSTED_ORIGINS, s.REST_FRAMEWORK['NUM_PROXIES'], s.SECURE_PROXY_SSL_HEADER]))"
    )
    given = {"PUBLIC_URL": "https://a.example/", "BEHIND_TLS_PROXY": "true"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "platform", env={"PERIODIC_ENV_FILE": "/nonexistent", **given},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    header = ["HTTP_X_FORWARDED_PROTO", "https"]
    assert json.loads(done.stdout) == ["https://a.example", ["https://a.example"], 1, header]


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://a.example", "https://a.example"),
        ("https://A.example:8443/", "https://a.example:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_public_urls(text: str, origin: str) -> None:
    assert public_url.read(text, https_only=True) == origin


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://a.example/periodic", "goes on after the host name"),
        ("https://a.example/?x=1", "goes on after the host name"),
        ("https://a.example#x", "goes on after the host name"),
        ("a.example", "not an http or https address"),
        ("ftp://a.example", "not an http or https address"),
        ("https://", "not an http or https address"),
        ("https://a.example:port", "Port could not be cast"),
        ("https://[::1", "Invalid IPv6"),
        ("http://a.example", "SECURE_SSL_REDIRECT=false"),
    ],
)
def test_other_public_urls_are_refused_with_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=why) as error:
        public_url.read(text, https_only=True)
    assert "https://periodic.example.com" in str(error.value)
    assert text in str(error.value)


def test_a_password_in_a_public_url_is_not_repeated() -> None:
    with pytest.raises(ImproperlyConfigured, match="a user name or a password") as error:
        public_url.read("https://me:hidden@a.example", https_only=True)
    assert "hidden" not in str(error.value)
