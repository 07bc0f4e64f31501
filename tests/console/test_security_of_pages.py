"""What holds for every page of the console, also for one that is added: found by its address."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from accounts.models import User
from console.urls import urlpatterns

ROOT = Path(__file__).resolve().parent.parent.parent
PATTERNS = [one for one in urlpatterns if isinstance(one, URLPattern)]
STANDING_ALONE = [one for one in PATTERNS if not one.pattern.regex.groupindex]
# What runs or looks as the page itself says, which the policy forbids: it would not work.
INLINE = re.compile(
    r"""<style|\sstyle=|<script(?![^>]*\ssrc=)(?![^>]*type="application/json")|\son\w+=|\shx-on"""
    r"""|href="?javascript:""",
    re.IGNORECASE,
)
CHOICES = {"kind": "csv"}  # what takes some words only
# A form that posts, up to its end.
FORM = re.compile(r"<form[^>]*method=\"post\".*?</form>", re.IGNORECASE | re.DOTALL)


def address(pattern: URLPattern) -> str:
    """The pattern's address; whatever is in it does not exist."""
    wanted = pattern.pattern.regex.groupindex
    texts = {name: "1" if name.endswith("_id") else CHOICES.get(name, "x") for name in wanted}
    return reverse(f"console:{pattern.name}", kwargs=texts)


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda one: one.name)
def test_a_post_from_elsewhere_is_refused(member: User, pattern: URLPattern) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    answer = browser.post(address(pattern))
    assert answer.status_code in {403, 405}
    if answer.status_code == 405:  # a view that takes no POST at all
        assert "POST" not in answer["Allow"]


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", STANDING_ALONE, ids=lambda one: one.name)
def test_nothing_is_inline_and_every_form_is_proven(member: User, pattern: URLPattern) -> None:
    for browser in (Client(), Client()):
        answer = browser.get(address(pattern))
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        page = answer.content.decode()
        assert INLINE.search(page) is None
        for form in FORM.findall(page):
            assert "csrfmiddlewaretoken" in form
        browser.force_login(member)


@pytest.mark.django_db
def test_whoever_comes_where_only_buttons_lead_is_told_so(member: User) -> None:
    browser = Client()
    browser.force_login(member)
    answers = [browser.get(address(one)) for one in PATTERNS]
    refused = [answer for answer in answers if answer.status_code == 405]
    assert len(refused) > 15
    for answer in refused:
        assert answer["Allow"] == "POST"
        assert "Go back to the page with the button." in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("referer", "leads_to"),
    [
        ("http://testserver/instances/1?period=day#x", "/instances/1?period=day"),
        ("http://elsewhere.example/instances/1", "/"),
        ("http://testserver//elsewhere.example/x", "/"),
        ("", "/"),
    ],
)
def test_who_was_signed_out_before_a_click_comes_back_to_the_page_with_the_button(
    member: User, referer: str, leads_to: str
) -> None:
    member.set_password("a passphrase of words")
    member.save()
    browser = Client(headers={"Referer": referer})
    sent = browser.post("/instances/1/reconnect-link", follow=True)
    assert "do it again" in sent.content.decode()
    typed = {"username": member.username, "password": "a passphrase of words"}
    back = browser.post(sent.redirect_chain[-1][0], {**typed, "next": sent.context["next"]})
    assert back["Location"] == leads_to


@pytest.mark.django_db
@pytest.mark.parametrize(
    "pattern",
    [one for one in PATTERNS if one.name not in {"sign-in", "sign-out", "reconnect"}],
    ids=lambda one: one.name,
)
def test_pages_are_not_kept_by_browsers_or_proxies(member: User, pattern: URLPattern) -> None:
    """What a person saw is gone with the session. Pages of secrets are among them."""
    browser = Client()
    browser.force_login(member)
    answer = browser.get(address(pattern))
    if answer.status_code == 200:
        assert "no-store" in answer["Cache-Control"]


def test_cookies_of_production_travel_over_tls_alone() -> None:
    program = (
        "import json; from config import settings as s; print(json.dumps([s.SESSION_COOKIE_SECURE, "
        "s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SECURE_SSL_REDIRECT, "
        "s.SECURE_HSTS_SECONDS > 0, s.DEBUG]))"
    )
    given = {
        "SECRET_KEY": "a-key-of-a-test-that-signs-nothing-which-anybody-keeps-0123456789",
        "PERIODIC_ENCRYPTION_KEYS": "MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY=",
        "ALLOWED_HOSTS": "a.example",
        "PUBLIC_URL": "https://a.example",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "platform",
        env={"PERIODIC_ENV": "production", "PERIODIC_ENV_FILE": "/nonexistent", **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [True, True, True, True, True, False]


@pytest.mark.django_db
def test_the_cookie_of_a_session_is_for_the_server_alone(member: User) -> None:
    member.set_password("a passphrase of words")
    member.save()
    browser = Client()
    sent = {"username": member.username, "password": "a passphrase of words"}
    cookie = browser.post("/sign-in", sent).cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
