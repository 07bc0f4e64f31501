"""A stand-in of any provider that lists, pages and has a change cursor, made from data.

The data says in the provider's own words, as it documents them, where its answers have what; it is
written without looking at the element, so that a wrong key in either makes a test fail. What is
told apart here as at a provider: a page is cut at its limit or before, a token stands for one
moment, a record that changes while pages are read moves behind them, and a cursor that was given
before `expire` is refused.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from integrations.sandbox.faults import Fault, Faults
from integrations.sandbox.loopback import Handler, only_loopback
from integrations.sandbox.server import Beside, Place

Json = dict[str, Any]
CODE = "a-code"
ALL = 10**9


@dataclass
class Collection:
    """The records at one path. `declared` is the data's entry; see googlecalendar/sandbox.json.

    `page_limit` cuts pages below what is asked for.
    """

    declared: Json
    page_limit: int = ALL
    records: dict[str, Json] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)  # when each changed last
    parts: dict[str, set[str]] = field(default_factory=dict)  # what changed last of each
    gone: set[str] = field(default_factory=set)
    now: int = 0
    floor: int = 0  # cursors of before are expired

    def put(self, title: str, id_: str = "") -> str:
        """Makes a record, or changes its title; returns its id."""
        made = not id_
        id_ = id_ or f"{self.declared['name']}{len(self.records) + 1:06}"
        before = {} if made else self.records[id_]
        record = {**self.declared["record"], **before, "id": id_, self.declared["title"]: title}
        self._store(id_, record, None if made else {self.declared["title"]})
        return id_

    def delete(self, id_: str) -> None:
        self.gone.add(id_)
        self._store(id_, self.records[id_], None)

    def expire(self) -> None:
        """Forgets all cursors given until now."""
        self.now += 1
        self.floor = self.now

    def _store(self, id_: str, record: Json, part: set[str] | None) -> None:
        self.now += 1
        version = str(self.declared["version"])
        record = {**record, version: f'"{self.now:08}"'}
        self.records[id_], self.changed[id_] = record, self.now
        self.parts[id_] = {*record} if part is None else {*part, version}

    def listed(self, since: int, after: int, until: int) -> list[str]:
        """The ids of what changed in the time, oldest change first; of all there is, since 0."""
        ids = sorted(self.records, key=self.changed.__getitem__)
        return [
            id_
            for id_ in ids
            if max(since, after) < self.changed[id_] <= until and (since or id_ not in self.gone)
        ]

    def shown(self, id_: str, *, change: bool = False) -> Json:
        """A record as a list has it, as `change`s have it where they hold parts only."""
        if id_ in self.gone:
            return {**self.declared["deleted"], "id": id_}
        record = self.records[id_]
        if change and self.declared.get("changesHaveParts"):
            return {name: record[name] for name in record if name in {"id", *self.parts[id_]}}
        return record


class Provider:
    """What the stand-in is made of: its collections, who may ask, and ordered faults."""

    def __init__(self, file: Path) -> None:
        self.declared: Json = json.loads(file.read_text("utf-8"))
        self.collections = {one["name"]: Collection(one) for one in self.declared["collections"]}
        self.faults = Faults(self._error)
        self.tokens: set[str] = set()
        self.refresh_token = secrets.token_urlsafe(16)
        self.granted = True
        self.asked: list[str] = []  # method and path of each request

    def token(self) -> str:
        self.tokens.add(token := secrets.token_urlsafe(16))
        return token

    def _error(self, _fault: Fault, status: int, _path: str) -> object:
        return self.declared["errors"].get(str(status), {"error": {"message": f"{status}"}})

    def answer(self, status: int) -> web.Response:
        body = self.declared["errors"].get(str(status), {})
        return web.json_response(body, status=status)


class ProviderServer(Beside):
    """The stand-in of a file in a thread of its own, on a free port."""

    def __init__(self, file: Path) -> None:
        self.provider = Provider(file)
        super().__init__(Place(self.provider.declared["name"]), partial(opened, self.provider))

    @property
    def base_url(self) -> str:
        return self.url + str(self.provider.declared["base"])


@contextmanager
def opened(provider: Provider) -> Iterator[web.Application]:
    app = web.Application(middlewares=[only_loopback, _around(provider)])
    base = provider.declared["base"]
    app.router.add_post("/token", partial(_token, provider))
    app.router.add_post("/revoke", _revoked)
    for one in provider.collections.values():
        path = base + one.declared["path"]
        listed, single = partial(_list, provider, one), f"{path}/{{record}}"
        if changes := one.declared.get("changesPath"):
            app.router.add_get(base + changes, listed)
        app.router.add_get(path, listed)
        app.router.add_post(path, partial(_write, provider, one))
        app.router.add_get(single, partial(_read, provider, one))
        app.router.add_patch(single, partial(_write, provider, one))
        app.router.add_delete(single, partial(_delete, provider, one))
    app.on_shutdown.append(partial(_let_go, provider))
    yield app


async def _let_go(provider: Provider, _: web.Application) -> None:
    provider.faults.stop()


def _around(provider: Provider) -> Callable[..., Any]:
    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Faults that were ordered, and who brings no token."""
        provider.asked.append(f"{request.method} {request.path}")
        fault = provider.faults.take(request.method, request.path, None)
        if fault is not None:
            return await provider.faults.inflict(fault, request, lambda: handler(request))
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and token in provider.tokens
        if request.path not in ("/token", "/revoke") and not known:
            return provider.answer(401)
        return await handler(request)

    return admit


# --- Tokens (RFC 6749 sections 4.1.3, 5 and 6) ---------------------------------------------------


async def _token(provider: Provider, request: web.Request) -> web.Response:
    form = await request.post()
    kind = form.get("grant_type")
    right = form.get("code") == CODE if kind == "authorization_code" else (
        kind == "refresh_token" and form.get("refresh_token") == provider.refresh_token
    )  # fmt: skip
    if not right or not provider.granted:
        body = {"error": "invalid_grant", "error_description": "Token has been revoked."}
        return web.json_response(body, status=400)
    answer: Json = {"access_token": provider.token(), "expires_in": 3600, "token_type": "Bearer"}
    if kind == "authorization_code":
        answer["refresh_token"] = provider.refresh_token
    return web.json_response(answer)


async def _revoked(_: web.Request) -> web.Response:
    return web.json_response({})


# --- Records ------------------------------------------------------------------------------------


async def _list(provider: Provider, of: Collection, request: web.Request) -> web.Response:
    declared = of.declared
    tells = declared.get("changesPath", declared["path"]) == _pattern(provider, request)
    place = _place(request.query.get(declared["page"], ""))
    cursor = _place(request.query.get(declared["cursor"], "")) if tells else {}
    place = place or {"since": cursor.get("until", 0), "after": 0, "until": of.now}
    if cursor and cursor["until"] < of.floor:
        expired = declared["expired"]
        return web.json_response(expired["body"], status=expired["status"])
    ids = of.listed(place["since"], place["after"], place["until"])
    page = ids[: min(_size(declared, request), of.page_limit)]
    answer = {
        **declared["answer"],
        declared["records"]: [of.shown(id_, change=place["since"] > 0) for id_ in page],
    }
    if len(page) < len(ids):
        following = {**place, "after": of.changed[page[-1]]}
        answer[declared["nextPage"]] = _written(declared, declared["page"], following, request)
    elif tells:
        end = {"until": place["until"]}
        answer[declared["nextCursor"]] = _written(declared, declared["cursor"], end, request)
    return web.json_response(answer)


def _pattern(provider: Provider, request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical.removeprefix(provider.declared["base"])


def _size(declared: Json, request: web.Request) -> int:
    text = request.query.get(declared.get("size", ""), "")
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        text = value if name == declared.get("sizePreference") else text
    return min(int(text or declared["usual"]), int(declared["largest"]))


def _place(token: str) -> Mapping[str, int]:
    if not token:
        return {}
    place: Mapping[str, int] = json.loads(base64.urlsafe_b64decode(token))
    return place


def _written(declared: Json, name: str, place: Mapping[str, int], request: web.Request) -> str:
    """The token of a place, or the address that holds it."""
    token = base64.urlsafe_b64encode(json.dumps(dict(place)).encode()).decode()
    if not declared.get("addresses"):
        return token
    return str(request.url.with_query({name: token}))


async def _read(provider: Provider, of: Collection, request: web.Request) -> web.Response:
    id_ = request.match_info["record"]
    if id_ not in of.records or (id_ in of.gone and not of.declared.get("getsDeleted")):
        return provider.answer(404)
    return web.json_response(of.shown(id_))


async def _write(provider: Provider, of: Collection, request: web.Request) -> web.Response:
    id_ = request.match_info.get("record", "")
    if id_ and (id_ not in of.records or id_ in of.gone):
        return provider.answer(404)
    body = await request.json()
    made = of.put(str(body.get(of.declared["title"], "")), id_)
    return web.json_response(of.shown(made))


async def _delete(provider: Provider, of: Collection, request: web.Request) -> web.Response:
    id_ = request.match_info["record"]
    if id_ not in of.records or id_ in of.gone:
        return provider.answer(404)
    of.delete(id_)
    return web.Response(status=204)
