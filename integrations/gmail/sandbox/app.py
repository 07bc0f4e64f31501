"""The web application: every route, and what happens around each request."""

import logging
from typing import Any

from aiohttp import web

from integrations.sandbox.loopback import Handler, only_loopback

from . import consent, control, control_push, gmail_api, pages, push, tokens
from .contents import (
    LabelNameTakenError,
    NoSuchLabelError,
    NoSuchMailboxError,
    NoSuchMessageError,
)
from .errors import ApiError, BadControlError, OAuthError
from .mime import Draft
from .stand_in import STAND_IN, Logged, StandIn, deliver

MAX_BODY = 50 * 1024 * 1024  # bytes; Gmail takes mails of 36 MB, which Base64 makes longer

_log = logging.getLogger("gmail.sandbox")
_SECRET_PARAMETERS = frozenset(
    {"token", "access_token", "refresh_token", "code", "client_secret", "oauth_token", "key",
     "code_verifier", "state"}
)  # fmt: skip


def create_app(stand_in: StandIn) -> web.Application:
    """The application around this state."""
    app = web.Application(
        client_max_size=MAX_BODY, middlewares=[only_loopback, _note, _explain, _fail_on_order]
    )
    app[STAND_IN] = stand_in
    app.router.add_get("/", _root)
    app.router.add_post("/deliver", _deliver)
    app.router.add_get(push.KEYS_PATH, _keys)
    app.router.add_routes(consent.routes())
    app.router.add_routes(tokens.routes())
    app.router.add_routes(gmail_api.routes())
    app.router.add_routes(control.routes)
    app.router.add_routes(control_push.routes)
    app.on_shutdown.append(_let_go)
    return app


async def _let_go(app: web.Application) -> None:
    app[STAND_IN].faults.stop()
    app[STAND_IN].pusher.end()


@web.middleware
async def _note(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write the request log."""
    if request.path.startswith(control.PREFIX):
        return await handler(request)
    stand_in = request.app[STAND_IN]
    user = _user(request)
    at = stand_in.clock.now()
    status = 0
    try:
        response = await handler(request)
        status = 0 if response.status == 499 else response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        stand_in.requests_seen += 1
        query = {
            name: request.query.getall(name)
            for name in request.query
            if name not in _SECRET_PARAMETERS
        }
        stand_in.requests.append(
            Logged(stand_in.requests_seen, at, request.method, request.path, query, status, user)
        )


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into the answers that their endpoint gives."""
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body(), status=error.code, headers=error.headers)
    except OAuthError as error:
        return web.json_response(error.body(), status=error.status)
    except BadControlError as error:
        return _control_error(str(error), error.status)
    except NoSuchMailboxError as error:
        return _control_error(f"there is no mailbox {error}", 404)
    except NoSuchMessageError as error:
        return _control_error(f"there is no message or thread {error}", 404)
    except LabelNameTakenError as error:
        return _control_error(f"another label is called {error}", 409)
    except NoSuchLabelError as error:
        return _control_error(f"there is no label {error}", 404)
    except ValueError as error:
        if request.path.startswith((control.PREFIX, "/deliver")):
            return _control_error(str(error), 400)
        raise


def _control_error(message: str, status: int) -> web.Response:
    return web.json_response({"error": message}, status=status)


@web.middleware
async def _fail_on_order(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a fault where one is ordered for the request."""
    stand_in = request.app[STAND_IN]
    if request.path.startswith(control.PREFIX) or not stand_in.faults.rules:
        return await handler(request)
    fault = stand_in.faults.take(request.method, request.path, _user(request))
    if fault is None:
        return await handler(request)
    return await stand_in.faults.inflict(fault, request, lambda: handler(request))


def _user(request: web.Request) -> str | None:
    """Whose account a Gmail call is about, as far as the token says."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    permission = request.app[STAND_IN].grants.permission(token.strip())
    return permission.address if permission else None


async def _root(request: web.Request) -> web.Response:
    return _root_page(request.app[STAND_IN], None)


async def _keys(request: web.Request) -> web.Response:
    keys = request.app[STAND_IN].pusher.keys()
    return web.json_response(keys, headers={"Cache-Control": "public, max-age=3600"})


async def _deliver(request: web.Request) -> web.Response:
    stand_in = request.app[STAND_IN]
    form: Any = await request.post()
    address = str(form.get("address", ""))
    sender, subject, text = (str(form.get(name, "")) for name in ("from", "subject", "text"))
    message_id, _, _ = deliver(
        stand_in, address, Draft(sender, address, subject, text), ["INBOX", "UNREAD"]
    )
    return _root_page(stand_in, f"Delivered to {address} as message {message_id}.")


def _root_page(stand_in: StandIn, told: str | None) -> web.Response:
    overviews = [stand_in.mailboxes.open(a).overview() for a in stand_in.mailboxes.addresses()]
    listed = [(o.address, o.messages_total, o.history_id) for o in overviews]
    return web.Response(text=pages.root(listed, told), content_type="text/html")
