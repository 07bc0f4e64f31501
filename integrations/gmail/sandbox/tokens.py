"""The token and revocation endpoints.

Source: https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code
and RFC 6749, sections 2.3.1, 4.1.3 and 6.
"""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

from aiohttp import web

from .errors import OAuthError
from .grants import Client
from .stand_in import STAND_IN, StandIn


def routes() -> list[web.RouteDef]:
    """Where Google has them, below its two hosts."""
    return [web.post("/token", _token), web.post("/revoke", _revoke)]


async def _token(request: web.Request) -> web.Response:
    stand_in = request.app[STAND_IN]
    form = await _form(request)
    client = _client(stand_in, request, form)
    grant_type = _required(form, "grant_type")
    if grant_type == "authorization_code":
        answer = stand_in.grants.exchange(
            client,
            _required(form, "code"),
            _required(form, "redirect_uri"),
            form.get("code_verifier", ""),
        )
    elif grant_type == "refresh_token":
        answer = stand_in.grants.refresh(client, _required(form, "refresh_token"))
    else:
        raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {grant_type}")
    return web.json_response(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


async def _revoke(request: web.Request) -> web.Response:
    form = await _form(request)
    token = form.get("token") or request.query.get("token", "")
    if not token:
        raise OAuthError(400, "invalid_request", "Missing required parameter: token")
    request.app[STAND_IN].grants.revoke(token)
    return web.json_response({})


async def _form(request: web.Request) -> dict[str, str]:
    try:
        form = await request.post()
    except (ValueError, LookupError) as error:
        raise OAuthError(400, "invalid_request", "The body is not a form.") from error
    values: dict[str, str] = {}
    for name, value in form.items():
        if not isinstance(value, str):
            raise OAuthError(400, "invalid_request", f"{name} must not be a file")
        if name in values:  # RFC 6749, 3.2
            raise OAuthError(400, "invalid_request", f"Parameter given twice: {name}")
        values[name] = value
    return values


def _client(stand_in: StandIn, request: web.Request, form: Mapping[str, str]) -> Client:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return stand_in.grants.authenticate(
            _required(form, "client_id"), form.get("client_secret", "")
        )
    try:
        client_id, _, secret = base64.b64decode(value.strip()).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise OAuthError(401, "invalid_client", "The Authorization header is malformed.") from error
    return stand_in.grants.authenticate(unquote_plus(client_id), unquote_plus(secret))


def _required(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise OAuthError(400, "invalid_request", f"Missing required parameter: {name}")
    return value
