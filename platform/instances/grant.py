"""Asks a provider's token endpoint: for a grant, for its renewal, for its end (RFC 6749, 7009).

Nothing here touches the database. Secrets travel in the body or the Authorization header, never
in a URL, and no error carries one.
"""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests
from django.utils import timezone
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session
from urllib3.exceptions import HTTPError

from elements import catalogue
from elements.authorization import oauth2_of
from elements.types import Element, OAuth2
from instances import configuration as keys
from instances import token_answer
from transport import waiting
from transport.errors import (
    AddressRefused,
    MalformedAnswer,
    ProviderError,
    ProviderUnreachable,
    TransportError,
    retry_after_seconds,
)
from transport.guard import default_guard
from transport.headers import headers_of
from transport.limits import Limits
from transport.sync import read_body

TIMEOUT = (5.0, 10.0)  # seconds to connect, seconds between two pieces of the answer
LIMITS = Limits(total=20.0, body=1_048_576)  # of one answer
# Words for a refresh token that is gone beside `invalid_grant`: nobody but a person mends it.
# OpenID Connect Core section 3.1.2.6 has the first three, which Microsoft answers to renewals.
GONE = frozenset(
    {
        "interaction_required",
        "login_required",
        "consent_required",
        "bad_refresh_token",
        "expired_refresh_token",
        "invalid_refresh_token",
        "refresh_token_expired",
        "token_expired",
        "token_revoked",
    }
)
LONGEST_ERROR = 300  # characters of a provider's text that we repeat
SHORTEST_SECRET = 8  # characters of what is taken out where a provider repeats it to us
DEFAULT_LIFETIME = keys.DEFAULT_TOKEN_LIFETIME  # seconds, when nobody says otherwise
RENEWED_AT = 5 / 6  # of a token's lifetime: ten minutes ahead for Google's hour

# requests-oauthlib logs requests and answers, tokens included, at DEBUG.
for _name in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)
# oauthlib refuses http everywhere, and its one switch is this variable. _token_url() takes over:
# http is for loopback only.
os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")


@dataclass(frozen=True, slots=True)
class Client:
    """The application that the customer registered at the provider."""

    id: str
    secret: str = field(repr=False)
    basic: bool = False  # authenticates by HTTP Basic instead of in the body
    # Seconds that a token lives where the provider does not say; 0: for ever. Another number than
    # the default is when tokens are renewed at the latest.
    token_lifetime: int = DEFAULT_LIFETIME

    @classmethod
    def of(cls, configuration: Mapping[str, str]) -> Client:
        return cls(
            id=configuration.get(keys.API_KEY, "").strip(),
            secret=configuration.get(keys.API_SECRET, "").strip(),
            basic=configuration.get("oauth.basic.header", "").strip().lower() == "true",
            token_lifetime=keys.token_lifetime(configuration),
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token endpoint gave. `refresh_token` is empty when it gave none.

    `scope` is as granted, space-separated.
    """

    access_token: str
    refresh_token: str
    scope: str
    obtained_at: datetime
    expires_at: datetime | None
    renew_at: datetime | None = None  # the access token, ahead of its expiry
    # When the refresh token ends; None: not by itself, or the provider does not say.
    ends_at: datetime | None = None
    account: str = ""  # whose it is, as instances.account says
    identity: str = ""  # what the provider calls that account

    def __repr__(self) -> str:
        return f"Grant(scope={self.scope!r}, expires_at={self.expires_at})"


def endpoints(element: Element) -> tuple[Any, ...]:
    """How and where the element's accounts are authorized."""
    how = element.authentication
    if isinstance(how, OAuth2):
        return catalogue.address(how.authorization_url), _token_url(element)
    return (how,)


def exchange(
    element: Element,
    client: Client,
    *,
    code: str,
    callback_url: str,
    scopes: tuple[str, ...],
    code_verifier: str = "",
) -> Grant:
    """Exchanges an authorization code (RFC 6749 section 4.1.3).

    Raises ProviderError (a used, expired or foreign code; a wrong secret), ProviderUnreachable,
    MalformedAnswer or AddressRefused.
    """
    extra: dict[str, Any] = {"code_verifier": code_verifier} if code_verifier else {}
    hidden = (client.secret, code, code_verifier)
    with _session(client.id, callback_url, hidden=hidden, words=_words(element)) as session:
        token = _answered(
            lambda: session.fetch_token(
                _token_url(element),
                code=code,
                auth=_basic(client),
                include_client_id=not client.basic,
                client_secret=None if client.basic else client.secret,
                timeout=TIMEOUT,
                **extra,
            )
        )
    return _grant(token, client, scope=" ".join(scopes), refresh_token="")


def renew(element: Element, client: Client, *, refresh_token: str, scope: str) -> Grant:
    """Asks for a new access token (RFC 6749 section 6); keeps `refresh_token` unless replaced.

    Raises ProviderError with reason `invalid_grant` when the grant is gone, and for another
    refusal; ProviderUnreachable, MalformedAnswer or AddressRefused.
    """
    identity: dict[str, Any] = {"client_id": client.id, "client_secret": client.secret}
    hidden = (client.secret, refresh_token)
    with _session(client.id, hidden=hidden, words=_words(element)) as session:
        token = _answered(
            lambda: session.refresh_token(
                _token_url(element, renewing=True),
                refresh_token=refresh_token,
                auth=_basic(client),
                timeout=TIMEOUT,
                **({} if client.basic else identity),
            )
        )
    return _grant(token, client, scope=scope, refresh_token=refresh_token)


def revoke(element: Element, token: str) -> None:
    """Ends a grant (RFC 7009). Nothing to do where the provider has no such endpoint.

    Raises a TransportError when the provider did not confirm.
    """
    setting = oauth2_of(element).revoke_url
    if setting is None:
        return
    with _session("") as session:
        _answered(
            lambda: _judged(
                requests.Session.request(
                    session,
                    "POST",
                    catalogue.address(setting),
                    data={"token": token},
                    timeout=TIMEOUT,
                ),
                (token,),
            )
        )


# --- The session and its answers ---------------------------------------------------------------


class _Session(OAuth2Session):
    """An OAuth2Session that takes a redirect for the answer it is, and reads no answer for ever.

    While a token is renewed, its credential's row is locked.
    """

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        waiting.begin()
        began, within = time.monotonic(), waiting.time_left(LIMITS.total)
        response = super().send(request, **{**options, "stream": True})
        with response:
            whole = read_body(response, LIMITS, began, within)
            response.headers.update(headers_of(response.raw.headers.items()))
        response.raw = io.BytesIO(whole)
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def _session(
    client_id: str,
    callback_url: str | None = None,
    *,
    hidden: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
) -> OAuth2Session:
    """`hidden` are the secrets that the request carries: no error repeats them.

    `words` are the provider's own for the error codes of RFC 6749.
    """
    session = _Session(client_id, redirect_uri=callback_url)
    default_guard().protect(session)
    for hook in ("access_token_response", "refresh_token_response"):
        session.register_compliance_hook(hook, lambda response: _judged(response, hidden, words))
    return session


def _words(element: Element) -> Mapping[str, str]:
    return oauth2_of(element).errors


def _token_url(element: Element, *, renewing: bool = False) -> str:
    oauth = oauth2_of(element)
    url = catalogue.address((oauth.refresh_url if renewing else None) or oauth.token_url)
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise AddressRefused(f"the token address of {element.name} must begin with https://")
    return url


def _basic(client: Client) -> HTTPBasicAuth | None:
    return HTTPBasicAuth(client.id, client.secret) if client.basic else None


def _answered(ask: Callable[[], Any]) -> Any:
    """What `ask` returns, with the errors of the libraries turned into ours."""
    try:
        return ask()
    except TransportError:
        raise
    except OAuth2Error as error:  # a 2xx answer without what RFC 6749 section 5.1 demands
        raise MalformedAnswer(f"the token endpoint's answer: {error.error}") from error
    except (requests.RequestException, HTTPError) as error:
        # Its text may hold the address; a token endpoint's holds no secret, but no news either.
        raise ProviderUnreachable(
            f"the token endpoint did not answer ({type(error).__name__})"
        ) from error
    except (
        ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, Warning,
    ) as error:  # fmt: skip
        # What oauthlib raises over an answer whose parts have unexpected types.
        raise MalformedAnswer("the token endpoint's answer cannot be read") from error


def _judged(
    response: requests.Response, hidden: Sequence[str], words: Mapping[str, str] | None = None
) -> requests.Response:
    """The response when it is 2xx; raises ProviderError otherwise, without the `hidden` secrets.

    `reason` is the error code of RFC 6749 section 5.2. A 2xx answer that has one is a refusal, too,
    and taken for a 400: GitHub refuses so.
    """
    status, refused = response.status_code, False
    code, description = "", response.content.decode("utf-8", "replace")
    body = token_answer.parts_of(response.content)
    if isinstance(body.get("error"), str):
        refused = bool(body["error"])
        code = (words or {}).get(body["error"], body["error"])[:100]
        description = str(body.get("error_description") or "")
        if code.lower() in GONE and status < 500:
            description = f"{code}: {description}" if description else code
            code = "invalid_grant"
        if isinstance(subtype := body.get("error_subtype"), str):  # Google's
            description = f"{description} ({subtype[:100]})".strip()
    if 200 <= status < 300:
        if not refused:
            return _rewritten(response, body)
        status = 400
    description = " ".join(_without(hidden, description).split())[:LONGEST_ERROR]
    said = ": ".join(part for part in (_without(hidden, code), description) if part)
    raise ProviderError(
        status,
        f"error - {{code={status}, message={said}}}",
        reason=code,
        retry_after=retry_after_seconds(response.headers),
    )


def _without(hidden: Sequence[str], text: str) -> str:
    """The text without the secrets, as they are and as a form writes them."""
    for secret in hidden:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[secret]").replace(quote_plus(secret), "[secret]")
    return text


def _rewritten(response: requests.Response, body: Mapping[str, Any]) -> requests.Response:
    """The response with a body that oauthlib can read. `_content` is what its own hooks set."""
    response._content = token_answer.readable(body)
    response.encoding = "utf-8"
    return response


def _grant(token: Mapping[str, Any], client: Client, *, scope: str, refresh_token: str) -> Grant:
    """Makes the grant of an answer that `token_answer` has read.

    An absent or empty `scope` means: as asked. GitHub's is always empty for an app's user token:
    https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
    `refresh_token_expires_in` is Google's, and others':
    https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
    """
    now = timezone.now()
    access = token.get("access_token")
    if not token_answer.is_usable(access):
        raise MalformedAnswer("the token endpoint's answer: access_token is not a usable text")
    fresh = str(token.get("refresh_token") or refresh_token)
    expires_in = token_answer.seconds(token.get("expires_in"))
    lifetime = expires_in or client.token_lifetime
    if not fresh and expires_in is None:
        lifetime = 0  # nothing says that it expires, and nothing could renew it
    ends_in = token_answer.seconds(token.get("refresh_token_expires_in"))
    return Grant(
        access_token=str(access),
        refresh_token=fresh,
        scope=token_answer.scope(token.get("scope")) or scope,
        obtained_at=now,
        expires_at=now + timedelta(seconds=lifetime) if lifetime else None,
        renew_at=now + timedelta(seconds=_renewed_after(lifetime, client)) if lifetime else None,
        ends_at=now + timedelta(seconds=ends_in) if ends_in else None,
    )


def _renewed_after(lifetime: float, client: Client) -> float:
    """Seconds."""
    ahead = RENEWED_AT * lifetime
    wanted = client.token_lifetime
    return ahead if wanted in (0, DEFAULT_LIFETIME) else min(ahead, wanted)


def brought(access_token: str, *, scope: str) -> Grant:
    """The grant that an access token alone stands for: how long it lives is not known."""
    return Grant(access_token, "", scope, timezone.now(), None)
