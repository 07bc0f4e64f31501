"""The part of the control API that is about push, `/_control/push`."""

import dataclasses
from typing import Any

from aiohttp import web

from integrations.sandbox.loopback import is_loopback_url

from .control import PREFIX
from .errors import BadControlError
from .json_body import read_body
from .push import Subscription
from .stand_in import STAND_IN, StandIn

routes = web.RouteTableDef()


@routes.get(f"{PREFIX}/push")
async def _get_push(request: web.Request) -> web.Response:
    return web.json_response(_push(request.app[STAND_IN]))


@routes.post(f"{PREFIX}/push")
async def _set_push(request: web.Request) -> web.Response:
    stand_in = request.app[STAND_IN]
    to = stand_in.pusher.subscription
    body = await read_body(request)
    wanted = Subscription(
        url=body.text("url", to.url),
        audience=body.text("audience", to.audience),
        service_account=body.text("service_account", to.service_account),
        silent=body.flag("silent", default=to.silent),
        drop=to.drop if (drop := body.number("drop", 0, 1_000_000)) is None else drop,
        delay_s=to.delay_s if (delay := body.seconds("delay_s")) is None else delay,
    )
    body.done()
    if wanted.url and not is_loopback_url(wanted.url):
        raise BadControlError("url must be an address on loopback: the sandbox pushes nowhere else")
    if not 0 <= wanted.delay_s <= 600:
        raise BadControlError("delay_s must be from 0 to 600")
    stand_in.pusher.subscription = wanted
    return web.json_response(_push(stand_in))


def _push(stand_in: StandIn) -> dict[str, Any]:
    pusher = stand_in.pusher
    return {
        **dataclasses.asdict(pusher.subscription),
        "watches": pusher.watches(),
        "sent": pusher.sent,
        "refused": pusher.refused,
        "dropped": pusher.dropped,
        "under_way": len(pusher.tasks),
    }
