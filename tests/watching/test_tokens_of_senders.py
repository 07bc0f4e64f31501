"""No token, no entry: a notice is believed only with the provider's own signature and our names."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pytest_django import Settings

from api.errors import ApiError
from config.clock import host_now, measure
from elements.types import Setting
from elements.webhooks import IdToken
from tests.watching.signer import (
    AUDIENCE,
    SENDER,
    KeyServer,
    claims,
    private_key,
    public_jwk,
    token,
)
from watching import public_keys
from watching.id_token import LONGEST_TOKEN, require

RULE = IdToken(
    keys=Setting("SIGNER_KEYS_URL", "http://127.0.0.1:1"),
    issuers=("https://accounts.google.com", "accounts.google.com"),
    audience="SIGNER_AUDIENCE",
    emails="SIGNER_EMAILS",
)


@pytest.fixture
def signer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    monkeypatch.setattr(public_keys, "_known", {})
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    settings.SIGNER_AUDIENCE = AUDIENCE
    settings.SIGNER_EMAILS = f"another@example.com, {SENDER.upper()}"
    with KeyServer().running() as server:
        settings.SIGNER_KEYS_URL = server.url
        yield server


def refusal(authorization: str) -> tuple[int, str]:
    with pytest.raises(ApiError) as refused:
        require(RULE, authorization)
    return refused.value.status, refused.value.message


def unsigned(header: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims()).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def test_the_providers_token_for_us_is_let_in(signer: KeyServer) -> None:
    require(RULE, f"Bearer {token()}")
    require(RULE, f"bearer  {token(iss='accounts.google.com')}")
    require(RULE, f"Bearer {token(exp=int(time.time()) - 10)}")  # clocks differ a little
    assert signer.asked == 1


@pytest.mark.django_db
@pytest.mark.postgres_clock
@pytest.mark.parametrize("ours", [365, -365])
def test_a_host_with_a_wrong_clock_lets_in_whom_the_others_do(signer: KeyServer, ours: int) -> None:
    good = token()
    late = token(exp=int(time.time()) - 3600)
    early = token(iat=int(time.time()) + 3600)
    with time_machine.travel(host_now() + timedelta(days=ours)):
        measure()
        require(RULE, f"Bearer {good}")
        assert refusal(f"Bearer {late}")[0] == 401
        assert refusal(f"Bearer {early}")[0] == 401


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer  ", "Basic dXNlcjpwYXNz", "User x"]
)
def test_without_a_token_nobody_is(signer: KeyServer, authorization: str) -> None:
    assert refusal(authorization) == (401, "the bearer token is missing")
    assert signer.asked == 0


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"exp": 1_700_000_000}, 401),
        ({"exp": None}, 401),
        ({"exp": "soon"}, 401),
        ({"exp": 1e400}, 401),
        ({"iat": 4_000_000_000}, 401),
        ({"iat": None}, 401),
        ({"nbf": 4_000_000_000}, 401),
        ({"aud": "https://elsewhere.example/push"}, 403),
        ({"aud": [AUDIENCE, "https://elsewhere.example"]}, 403),
        ({"aud": None}, 401),
        ({"iss": "https://accounts.google.com.evil.example"}, 403),
        ({"iss": "https://accounts.google.com/"}, 403),
        ({"iss": None}, 401),
        ({"email": "pusher@another-project.iam.gserviceaccount.com"}, 403),
        ({"email": f"{SENDER}.evil.example"}, 403),
        ({"email": [SENDER]}, 403),
        ({"email": None}, 401),
        ({"email_verified": False}, 403),
        ({"email_verified": "true"}, 403),
        ({"email_verified": None}, 401),
    ],
)
def test_one_that_is_old_or_somebody_elses_is_refused(
    signer: KeyServer, other: dict[str, Any], status: int
) -> None:
    assert refusal(f"Bearer {token(**other)}")[0] == status


def test_one_that_another_key_signed_is_refused(signer: KeyServer) -> None:
    good = token()
    head, body, signature = good.split(".")
    other_body = token(email="x@example.com").split(".")[1]
    confused = unsigned({"alg": "HS256", "kid": "first"}).rstrip(".")
    public = private_key("first").public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    by_hmac = base64.urlsafe_b64encode(hmac.digest(public, confused.encode(), "sha256")).decode()
    forged = [
        token(signed_by="second"),
        unsigned({"alg": "none", "kid": "first"}),
        unsigned({"alg": "None", "kid": "first"}, b"x"),
        unsigned({"alg": "RS256", "kid": "first"}),
        unsigned({"alg": "RS256", "kid": "first"}, b"\0" * 256),
        unsigned({"alg": "RS256", "kid": ["first"]}, b"x"),
        unsigned({"alg": "RS256"}, b"x"),
        # Its own key, and an address of one, are not looked at.
        jwt.encode(
            claims(),
            private_key("second"),
            "RS256",
            {"kid": "first", "jwk": public_jwk("second"), "jku": "http://127.0.0.1:1/keys"},
        ),
        jwt.encode(claims(), "x" * 64, "HS256", {"kid": "first"}),
        f"{confused}.{by_hmac.rstrip('=')}",  # with the public key as a secret
        jwt.encode(claims(), private_key("first"), "RS512", {"kid": "first"}),
        f"{head}.{other_body}.{signature}",
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"{head}.{body}",
        f"{good}.{signature}",
        "a.b.c",
        "ä.b.c",
        "." * 10,
        "x" * (LONGEST_TOKEN + 1),
    ]
    for one in forged:
        assert refusal(f"Bearer {one}")[0] == 401, one[:80]


def test_where_the_operator_names_nobody_nobody_is_let_in(
    signer: KeyServer, settings: Settings
) -> None:
    for audience, emails in (("", SENDER), (AUDIENCE, ""), (AUDIENCE, " , ")):
        settings.SIGNER_AUDIENCE, settings.SIGNER_EMAILS = audience, emails
        status, message = refusal(f"Bearer {token(aud=audience)}")
        assert (status, "SIGNER_AUDIENCE and SIGNER_EMAILS are not set" in message) == (403, True)
    assert signer.asked == 0


# --- The provider's keys -------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of the keys, in its one item."""
    now = [1000.0]
    monkeypatch.setattr("watching.public_keys.time.monotonic", lambda: now[0])
    return now


def test_a_new_key_is_asked_for_once_and_then_known(
    signer: KeyServer, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = public_keys.public_keys(signer.url)
    assert keys.find("first") is not None
    signer.keys = [public_jwk("second")]
    clock[0] += 61
    assert keys.find("second") is not None
    assert keys.find("first") is None
    assert signer.asked == 2


def test_unknown_keys_make_us_ask_once_a_minute(signer: KeyServer, clock: list[float]) -> None:
    keys = public_keys.public_keys(signer.url)
    for number in range(50):
        assert keys.find(f"made up {number}") is None
    assert signer.asked == 1
    clock[0] += 60
    for number in range(50):
        assert keys.find(f"made up {number}") is None
    assert signer.asked == 2
    assert keys.find("first") is not None


def test_keys_are_kept_as_long_as_the_provider_says(signer: KeyServer, clock: list[float]) -> None:
    keys = public_keys.public_keys(signer.url)
    keys.find("first")
    clock[0] += 7199
    keys.find("first")
    assert signer.asked == 1
    clock[0] += 1
    keys.find("first")
    assert signer.asked == 2


def test_while_the_keys_cannot_be_had_the_sender_is_asked_to_come_again(
    signer: KeyServer, clock: list[float]
) -> None:
    right = [public_jwk("first")]
    for status, keys in ((500, right), (200, "none"), (200, []), (200, [7, {"kty": "RSA"}])):
        signer.status, signer.keys = status, keys
        assert refusal(f"Bearer {token()}")[0] == 503
        assert refusal(f"Bearer {token()}")[0] == 503
        clock[0] += 60
    assert signer.asked == 4

    signer.status, signer.keys = 200, [public_jwk("first")]
    require(RULE, f"Bearer {token()}")
    signer.status = 500  # what is known serves on
    clock[0] += 3600
    require(RULE, f"Bearer {token()}")


def test_keys_that_are_too_weak_or_for_something_else_are_passed_over(
    signer: KeyServer,
) -> None:
    signer.keys = [
        public_jwk("weak", 1024),
        public_jwk("first", use="enc"),
        public_jwk("first", alg="RS512"),
        public_jwk("first", kid=7),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "first"},
        public_jwk("good"),
    ]
    keys = public_keys.public_keys(signer.url)
    assert keys.find("good") is not None
    assert keys.find("weak") is None
    assert keys.find("first") is None


def test_keys_are_not_fetched_from_where_no_request_may_go(
    signer: KeyServer, settings: Settings
) -> None:
    settings.ALLOWED_PRIVATE_NETWORKS = []

    assert refusal(f"Bearer {token()}")[0] == 503
    assert signer.asked == 0
