"""The authorization URL, exactly as published."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from elements.authorization import authorization_url, fault_of_callback_url
from elements.catalogue import find

CALLBACK = "https://app.example.com/callback?a=b&c=d"


def test_it_has_the_published_parameters_in_the_published_order() -> None:
    assert authorization_url(find("gmail"), "client id", CALLBACK) == (
        "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent"
        "&scope=https%3A%2F%2Fmail.google.com%2F+"
        "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fgmail.settings.basic"
        "&response_type=code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback%3Fa%3Db%26c%3Dd"
        "&state=gmail&client_id=client+id"
    )


def test_scope_state_and_challenge_can_be_given() -> None:
    url = authorization_url(
        find("gmail"), "x", CALLBACK, scopes=["a", "b"], state="s&t", code_challenge="c"
    )
    query = parse_qs(urlsplit(url).query)
    assert query["scope"] == ["a b"]
    assert query["state"] == ["s&t"]
    assert query["code_challenge"] == ["c"]
    assert query["code_challenge_method"] == ["S256"]


def test_an_operator_may_move_it(settings: Settings) -> None:
    settings.GOOGLE_AUTHORIZATION_URL = "http://127.0.0.1:8025/o/oauth2/v2/auth?hd=example.com"
    url = authorization_url(find("gmail"), "x", CALLBACK)
    assert url.startswith("http://127.0.0.1:8025/o/oauth2/v2/auth?hd=example.com&access_type=")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://app.example.com/callback", ""),
        ("http://localhost:8000/callback", ""),
        ("http://127.0.0.1/", ""),
        ("http://[::1]:8000/x?y=z", ""),
        ("app.example.com/callback", "such as"),
        ("javascript:alert(1)", "such as"),
        ("https:///callback", "such as"),
        ("https://a.example:99999/", "not a URL"),
        ("https://[x/", "not a URL"),
        ("https://user:password@a.example/", "user name"),
        ("https://a.example/#here", "fragment"),
        ("https://a.example/\r\nLocation: x", "control characters"),
        ("https://a.example/a b", "blanks"),
    ],
)
def test_a_callback_url_is_judged(url: str, complaint: str) -> None:
    fault = fault_of_callback_url(url)
    assert bool(fault) == bool(complaint)
    assert complaint in fault
