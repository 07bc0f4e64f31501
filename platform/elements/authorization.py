"""Where a person is sent to give consent: the authorization URL, RFC 6749 section 4.1.1."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode, urlsplit

from elements.catalogue import address
from elements.errors import ParameterError
from elements.types import Element, OAuth2


def oauth2_of(element: Element) -> OAuth2:
    """How the element's accounts are authorized. Raises ParameterError if it is not by OAuth 2."""
    if not isinstance(element.authentication, OAuth2):
        raise ParameterError("element", f"{element.name} does not use OAuth 2")
    return element.authentication


def authorization_url(
    element: Element,
    client_id: str,
    callback_url: str,
    scopes: Iterable[str] | None = None,
    state: str | None = None,
    code_challenge: str | None = None,
    login_hint: str = "",
) -> str:
    """`scopes` default to the element's, `state` to its key.

    `login_hint` names the account that is meant, where the provider takes one.

    `code_challenge` is that of PKCE with S256, RFC 7636 section 4.3.

    The order of the parameters is part of the published contract, and oauthlib, which has one of
    its own, refuses the plain http of a provider that runs on this machine; so it is written here.
    """
    oauth = oauth2_of(element)
    wanted = tuple(scopes) if scopes is not None else ()
    parameters = [
        *oauth.authorization_parameters,
        ("scope", " ".join(wanted or oauth.scopes)),
        ("response_type", "code"),
        ("redirect_uri", callback_url),
        ("state", element.key if state is None else state),
        ("client_id", client_id),
    ]
    if code_challenge is not None:
        parameters += [("code_challenge", code_challenge), ("code_challenge_method", "S256")]
    if oauth.login_hint and login_hint:
        parameters.append((oauth.login_hint, login_hint))
    url = address(oauth.authorization_url)
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"


def fault_of_callback_url(url: str) -> str:
    """What is wrong with a redirection URI, in words; empty when nothing is.

    It must be absolute and have no fragment, RFC 6749 section 3.1.2. Addresses of this machine
    are fine: only the person's browser goes there.
    """
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in url):
        return "must not hold blanks or control characters"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "must be an address such as https://example.com/callback"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or password"
    if parts.fragment:
        return "must not have a fragment (#)"
    return ""
