"""The consent page and the token endpoint of an OAuth app.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
Tokens never expire, and a refusal is a 200.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from integrations.github.sandbox.state import STATE
from integrations.github.sandbox.world import Code
from integrations.sandbox.loopback import is_loopback_url
from integrations.sandbox.proof_key import Challenge

AUTHORIZE = "/login/oauth/authorize"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Authorize {client}</title>
<h1>Authorize {client}</h1><p>This is a stand-in of GitHub on this machine.</p>
<p>It asks for: <code>{scope}</code></p><form method="post" action="{action}">
<button name="decision" value="allow">Authorize</button>
<button name="decision" value="deny">Cancel</button></form></html>"""


def routes() -> list[web.RouteDef]:
    return [
        web.get(AUTHORIZE, _ask),
        web.post(AUTHORIZE, _decide),
        web.post("/login/oauth/access_token", _token),
    ]


async def _ask(request: web.Request) -> web.Response:
    query = _checked(request)
    html = PAGE.format(
        client=escape(query["client_id"]),
        scope=escape(query.get("scope", "")),
        action=escape(request.raw_path),
    )
    return web.Response(text=html, content_type="text/html")


async def _decide(request: web.Request) -> web.Response:
    query = _checked(request)
    form = await request.post()
    if form.get("decision") != "allow":
        return _found(query, {"error": "access_denied"})
    code = Code(
        query["client_id"],
        query["redirect_uri"],
        ",".join(sorted(query.get("scope", "").replace(",", " ").split())),
        query.get("code_challenge", ""),
    )
    return _found(query, {"code": request.app[STATE].world.consent(code)})


def _checked(request: web.Request) -> dict[str, str]:
    query = dict(request.query)
    if query.get("client_id") not in request.app[STATE].world.clients:
        raise web.HTTPNotFound(text="there is no such application")
    if not is_loopback_url(query.get("redirect_uri", "")):
        raise web.HTTPBadRequest(text="redirect_uri is not one of this application's")
    return query


def _found(query: dict[str, str], answer: dict[str, str]) -> web.Response:
    parts = urlsplit(query["redirect_uri"])
    state = {"state": query["state"]} if "state" in query else {}
    told = urlencode([*parse_qsl(parts.query), *{**answer, **state}.items()])
    return web.Response(status=302, headers={"Location": urlunsplit(parts._replace(query=told))})


async def _token(request: web.Request) -> web.Response:
    world = request.app[STATE].world
    form = {name: str(value) for name, value in (await request.post()).items()}
    if not world.is_client(form.get("client_id", ""), form.get("client_secret", "")):
        return _refused("incorrect_client_credentials", "The client_id and/or secret are wrong.")
    code = world.codes.pop(form.get("code", ""), None)
    if code is None or code.client_id != form["client_id"]:
        return _refused("bad_verification_code", "The code passed is incorrect or expired.")
    if form.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
        return _refused("redirect_uri_mismatch", "The redirect_uri MUST match the registered one.")
    verifier = form.get("code_verifier", "")
    if code.challenge and not Challenge(code.challenge, "S256").met_by(verifier):
        return _refused("bad_verification_code", "The code verifier is wrong.")
    body = {"access_token": world.token(code.scope), "scope": code.scope, "token_type": "bearer"}
    if "application/json" not in request.headers.get("Accept", ""):
        return web.Response(text=urlencode(body), content_type="application/x-www-form-urlencoded")
    return web.json_response(body)


def _refused(error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description})
