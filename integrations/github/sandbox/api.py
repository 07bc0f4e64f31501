"""The REST API: https://docs.github.com/en/rest. A list has pages, a Link header and an ETag."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from integrations.github.sandbox.state import STATE
from integrations.github.sandbox.world import LIMIT, USER, Json, Repository, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
REPOSITORY = "/repos/{owner}/{name}"
routes = web.RouteTableDef()


def _world(request: web.Request) -> World:
    return request.app[STATE].world


def _repository(request: web.Request) -> Repository:
    name = f"{request.match_info['owner']}/{request.match_info['name']}"
    if (renamed := _world(request).renamed.get(name)) is not None:
        path = request.path.replace(name, renamed, 1)
        location = str(request.url.origin().join(request.rel_url.with_path(path, keep_query=True)))
        status = 301 if request.method in ("GET", "HEAD") else 307
        raise error(status, "Moved Permanently", location=location)
    repository = _world(request).repositories.get(name)
    if repository is None:
        raise not_found()
    return repository


def error(status: int, message: str, *, location: str = "") -> web.HTTPException:
    answer = web.HTTPException(
        text=json.dumps({"message": message, "documentation_url": "https://docs.github.com/rest"}),
        content_type="application/json",
        headers={"Location": location} if location else {},
    )
    answer.set_status(status)
    return answer


def not_found() -> web.HTTPException:
    return error(404, "Not Found")


def _found(things: dict[int, Json], request: web.Request) -> Json:
    number = request.match_info["number"]
    if not number.isdigit() or int(number) not in things:
        raise not_found()
    return things[int(number)]


async def _body(request: web.Request) -> Json:
    try:
        body = await request.json()
    except ValueError as wrong:
        raise error(400, "Problems parsing JSON") from wrong
    if not isinstance(body, dict):
        raise error(422, "Invalid request")
    return body


# --- Answers -------------------------------------------------------------------------------------


def answered(request: web.Request, body: Any, *, status: int = 200, link: str = "") -> web.Response:
    """JSON with an ETag, or 304 where the caller has that already."""
    text = json.dumps(body)
    etag = f'W/"{hashlib.sha256((text + link).encode()).hexdigest()}"'
    headers = {"ETag": etag, **({"Link": link} if link else {})}
    if request.method == "GET" and request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def listed(request: web.Request, records: Sequence[Json]) -> web.Response:
    """A numbered page."""
    size = min(int(request.query.get("per_page", "30")), 100)
    page = int(request.query.get("page", "1"))
    link = ""
    if len(records) > page * size:
        link = f'<{request.url.update_query(page=str(page + 1))}>; rel="next"'
    return answered(request, records[(page - 1) * size : page * size], link=link)


def _by_update(request: web.Request, records: Sequence[Json]) -> list[Json]:
    """As `state`, `since`, `sort` and `direction` say."""
    query = request.query
    wanted = query.get("state", "open")
    found = [
        one
        for one in records
        if one["updated_at"] >= query.get("since", "")
        and ("state" not in one or wanted in ("all", one["state"]))
    ]
    by = "updated_at" if query.get("sort") == "updated" else "created_at"
    found.sort(key=lambda one: (one[by], one["id"]), reverse=query.get("direction") != "asc")
    return found


# --- The user ------------------------------------------------------------------------------------


@routes.get("/user")
async def _user(request: web.Request) -> web.Response:
    return answered(request, USER)


@routes.get("/user/repos")
async def _repositories(request: web.Request) -> web.Response:
    return listed(request, [one.body for one in _world(request).repositories.values()])


@routes.get("/rate_limit")
async def _rate_limit(request: web.Request) -> web.Response:
    rate = {"limit": LIMIT, "remaining": _world(request).remaining, "used": 0, "reset": 0}
    return answered(request, {"resources": {"core": rate}, "rate": rate})


# --- The repository ------------------------------------------------------------------------------


@routes.get(REPOSITORY)
async def _one_repository(request: web.Request) -> web.Response:
    return answered(request, _repository(request).body)


@routes.get(f"{REPOSITORY}/issues")
async def _issues(request: web.Request) -> web.Response:
    repository = _repository(request)
    pulls = [{**one, "pull_request": {}} for one in repository.pulls.values()]
    return listed(request, _by_update(request, [*repository.issues.values(), *pulls]))


@routes.post(f"{REPOSITORY}/issues")
async def _open_issue(request: web.Request) -> web.Response:
    body = await _body(request)
    if not body.get("title"):
        raise error(422, 'Invalid request. "title" wasn\'t supplied.')
    issue = _world(request).open_issue(body, at=_repository(request))
    return answered(request, issue, status=201)


@routes.get(f"{REPOSITORY}/issues/comments")
async def _comments(request: web.Request) -> web.Response:
    return listed(request, _by_update(request, [*_repository(request).comments.values()]))


@routes.get(f"{REPOSITORY}/issues/comments/{{number}}")
async def _one_comment(request: web.Request) -> web.Response:
    return answered(request, _found(_repository(request).comments, request))


@routes.patch(f"{REPOSITORY}/issues/comments/{{number}}")
async def _change_comment(request: web.Request) -> web.Response:
    repository = _repository(request)
    id_, body = _found(repository.comments, request)["id"], await _body(request)
    changed = _world(request).change_comment(id_, str(body["body"]), at=repository)
    return answered(request, changed)


@routes.delete(f"{REPOSITORY}/issues/comments/{{number}}")
async def _delete_comment(request: web.Request) -> web.Response:
    repository = _repository(request)
    _world(request).change_comment(_found(repository.comments, request)["id"], None, at=repository)
    return web.Response(status=204)


@routes.get(f"{REPOSITORY}/issues/{{number}}")
async def _one_issue(request: web.Request) -> web.Response:
    return answered(request, _found(_repository(request).issues, request))


@routes.patch(f"{REPOSITORY}/issues/{{number}}")
async def _change_issue(request: web.Request) -> web.Response:
    repository = _repository(request)
    number, body = _found(repository.issues, request)["number"], await _body(request)
    return answered(request, _world(request).change_issue(number, body, at=repository))


@routes.get(f"{REPOSITORY}/issues/{{number}}/comments")
async def _comments_on(request: web.Request) -> web.Response:
    repository = _repository(request)
    end = f"/issues/{request.match_info['number']}"
    return listed(
        request, [one for one in repository.comments.values() if one["issue_url"].endswith(end)]
    )


@routes.post(f"{REPOSITORY}/issues/{{number}}/comments")
async def _comment(request: web.Request) -> web.Response:
    repository, body = _repository(request), await _body(request)
    number = _found({**repository.issues, **repository.pulls}, request)["number"]
    comment = _world(request).comment(number, str(body["body"]), at=repository)
    return answered(request, comment, status=201)


@routes.get(f"{REPOSITORY}/pulls")
async def _pulls(request: web.Request) -> web.Response:
    return listed(request, _by_update(request, [*_repository(request).pulls.values()]))


@routes.get(f"{REPOSITORY}/pulls/{{number}}")
async def _one_pull(request: web.Request) -> web.Response:
    return answered(request, _found(_repository(request).pulls, request))


@routes.get(f"{REPOSITORY}/activity")
async def _activity(request: web.Request) -> web.Response:
    """Newest first; the page after an entry is asked for by its cursor."""
    entries = _repository(request).activity[::-1]
    size = min(int(request.query.get("per_page", "30")), 100)
    if after := request.query.get("after"):
        entries = [one for one in entries if one["id"] < int(after)]
    link = ""
    if len(entries) > size:
        cursor = entries[size - 1]["id"]
        link = f'<{request.url.update_query(after=str(cursor))}>; rel="next"'
    return answered(request, entries[:size], link=link)


@routes.get(f"{REPOSITORY}/branches")
async def _branches(request: web.Request) -> web.Response:
    heads = _repository(request).heads
    return listed(
        request,
        [
            {"name": ref.removeprefix("refs/heads/"), "commit": {"sha": sha}, "protected": False}
            for ref, sha in heads.items()
        ],
    )


@routes.get(f"{REPOSITORY}/commits")
async def _commits(request: web.Request) -> web.Response:
    repository = _repository(request)
    pushed = [
        {"sha": one["after"], "commit": {"author": {"date": one["timestamp"]}}}
        for one in repository.activity[::-1]
        if one["activity_type"] == "push"
    ]
    return listed(request, [*pushed, repository.first])


# --- Webhooks ------------------------------------------------------------------------------------


@routes.get(f"{REPOSITORY}/hooks")
async def _hooks(request: web.Request) -> web.Response:
    return listed(request, [_masked(hook) for hook in _repository(request).hooks.values()])


@routes.post(f"{REPOSITORY}/hooks")
async def _add_hook(request: web.Request) -> web.Response:
    repository, body = _repository(request), await _body(request)
    url = body.get("config", {}).get("url")
    if not url:
        raise error(422, "Validation Failed")
    if any(
        hook["config"]["url"] == url and hook["events"] == body.get("events")
        for hook in repository.hooks.values()
    ):
        raise error(422, "Validation Failed: Hook already exists on this repository")
    return answered(request, _masked(_world(request).add_hook(repository, body)), status=201)


@routes.get(f"{REPOSITORY}/hooks/{{number}}")
async def _one_hook(request: web.Request) -> web.Response:
    return answered(request, _masked(_found(_repository(request).hooks, request)))


@routes.patch(f"{REPOSITORY}/hooks/{{number}}")
async def _change_hook(request: web.Request) -> web.Response:
    hook, body = _found(_repository(request).hooks, request), await _body(request)
    hook |= {name: body[name] for name in ("active", "events") if name in body}
    if "config" in body:  # replaced whole, as at GitHub
        hook["config"] = dict(body["config"])
    return answered(request, _masked(hook))


@routes.delete(f"{REPOSITORY}/hooks/{{number}}")
async def _delete_hook(request: web.Request) -> web.Response:
    repository = _repository(request)
    del repository.hooks[_found(repository.hooks, request)["id"]]
    return web.Response(status=204)


def _masked(hook: Json) -> Json:
    config = dict(hook["config"])
    if "secret" in config:
        config["secret"] = "********"  # noqa: S105 - a mask
    return {**hook, "config": config}
