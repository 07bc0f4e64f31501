"""The web application: every route, and what happens around each request."""

from __future__ import annotations

from aiohttp import web

from integrations.github.sandbox import api, oauth
from integrations.github.sandbox.state import STATE, Asked, State
from integrations.github.sandbox.world import LIMIT
from integrations.sandbox.loopback import Handler, only_loopback

OPEN = "/login/oauth/"  # where nobody brings a token


def create_app(state: State) -> web.Application:
    app = web.Application(middlewares=[only_loopback, _note, _fail_on_order, _count, _admit])
    app[STATE] = state
    app.router.add_routes(oauth.routes())
    app.router.add_routes(api.routes)
    app.cleanup_ctx.append(state.deliveries.running)
    app.on_shutdown.append(_let_go)
    return app


async def _let_go(app: web.Application) -> None:
    app[STATE].faults.stop()


@web.middleware
async def _note(request: web.Request, handler: Handler) -> web.StreamResponse:
    state, status = request.app[STATE], 0
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    finally:
        state.asked.append(Asked(request.method, request.path, dict(request.query), status))


@web.middleware
async def _fail_on_order(request: web.Request, handler: Handler) -> web.StreamResponse:
    faults = request.app[STATE].faults
    fault = faults.take(request.method, request.path, None)
    if fault is None:
        return await handler(request)
    return await faults.inflict(fault, request, lambda: handler(request))


@web.middleware
async def _count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The hour's requests; a 304 is none of them."""
    world = request.app[STATE].world
    if request.path.startswith(OPEN) or request.path == "/rate_limit":
        return await handler(request)
    reset = int(world.now().timestamp()) + 3_600
    if world.remaining <= 0:
        answer = api.error(403, "API rate limit exceeded")
        answer.headers.update({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)})
        raise answer
    response = await handler(request)
    if response.status != 304:
        world.remaining -= 1
    response.headers["X-RateLimit-Limit"] = str(LIMIT)
    response.headers["X-RateLimit-Remaining"] = str(world.remaining)
    response.headers["X-RateLimit-Reset"] = str(reset)
    return response


@web.middleware
async def _admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith(OPEN):
        return await handler(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or token not in request.app[STATE].world.tokens:
        raise api.error(401, "Bad credentials")
    return await handler(request)
