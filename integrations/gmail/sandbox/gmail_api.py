"""Gmail REST v1 over the mailboxes: authorization, parameters, methods.

Source: https://developers.google.com/workspace/gmail/api/reference/rest
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import fields
from .actions import ACTIONS, Call
from .contents import (
    HistoryExpiredError,
    NoSuchDraftError,
    NoSuchLabelError,
    NoSuchMailboxError,
    NoSuchMessageError,
)
from .errors import ApiError, invalid_value, not_found
from .grants import Permission
from .methods import METHODS, STANDARD_PARAMETERS, Method
from .stand_in import STAND_IN, StandIn

_NOT_THERE = (NoSuchMessageError, NoSuchDraftError, NoSuchMailboxError, HistoryExpiredError)
PREFIX = "/gmail/v1/users/{userId}"


def routes() -> list[web.RouteDef]:
    """One route a method."""
    return [web.route(m.verb, PREFIX + m.path, _endpoint(m)) for m in METHODS]


def _endpoint(method: Method) -> Callable[[web.Request], Awaitable[web.Response]]:
    act = ACTIONS[method.name]

    async def answer(request: web.Request) -> web.Response:
        stand_in = request.app[STAND_IN]
        permission = authorize(stand_in, request, method)
        _check_parameters(method, request)
        stand_in.quota.charge(
            method.name, permission.address, permission.client_id, stand_in.clock.now()
        )
        mask = _mask(request)
        body = await _body(request) if method.verb in ("POST", "PUT", "PATCH") else {}
        ids = {key: value for key, value in request.match_info.items() if key != "userId"}
        try:
            mailbox = stand_in.mailboxes.open(permission.address)
            result = act(Call(stand_in, mailbox, permission, request.query, ids, body))
        except _NOT_THERE as error:
            raise not_found() from error
        except NoSuchLabelError as error:
            raise ApiError(400, f"Invalid label: {error}") from error
        if result is None:
            return web.Response(status=204)
        return web.json_response(fields.apply(mask, result))

    return answer


def authorize(stand_in: StandIn, request: web.Request, method: Method) -> Permission:
    """Who calls, if the token is good for this method and mailbox. Raises ApiError."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError(
            401,
            "Request is missing required authentication credential. Expected OAuth 2 access "
            "token, login cookie or other valid authentication credential.",
            detail="Login Required.",
            reason="required",
            headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
        )
    permission = stand_in.grants.permission(token.strip())
    if permission is None:
        raise ApiError(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, "
            "login cookie or other valid authentication credential.",
            detail="Invalid Credentials",
            headers={
                "WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", '
                'error="invalid_token"'
            },
        )
    if not permission.scopes & method.scopes:
        details = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {"service": "gmail.googleapis.com", "method": f"gmail.users.{method.name}"},
        }
        raise ApiError(
            403,
            "Request had insufficient authentication scopes.",
            "insufficientPermissions",
            detail="Insufficient Permission",
            extra={"details": [details]},
        )
    user = request.match_info["userId"]
    if user != "me" and user.lower() != permission.address:
        raise ApiError(403, f"Delegation denied for {permission.address}")
    return permission


def _check_parameters(method: Method, request: web.Request) -> None:
    for name in request.query:
        if name not in method.parameters and name not in STANDARD_PARAMETERS:
            raise ApiError(
                400,
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query '
                f"parameter. Field '{name}' could not be found in request message.",
                "badRequest",
            )
    if request.query.get("alt", "json") != "json":
        raise invalid_value("alt", "TYPE_ENUM", request.query["alt"])


def _mask(request: web.Request) -> fields.Mask:
    text = request.query.get("fields", "")
    try:
        return fields.read(text) if text else {}
    except fields.BadMaskError as error:
        raise ApiError(400, f"Invalid field selection {text}", "invalidParameter") from error


async def _body(request: web.Request) -> dict[str, Any]:
    content = await request.read()
    if not content:
        return {}
    try:
        body = json.loads(content)
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate can't be stored
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "Invalid JSON payload received.", "parseError") from error
    if not isinstance(body, dict):
        raise ApiError(400, "Invalid JSON payload received.", "parseError")
    return body
