"""The control API, `/_control/…`: what a test or a person does that only Google could do.

JSON in and out. A wrong request is answered `{"error": "…"}` with 400, 404 or 415, and changes
nothing. `control_client.SandboxControl` speaks it from Python.
"""

import asyncio
import dataclasses
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from integrations.sandbox.faults import Cut, Fault, Match, Rule

from . import consent, filling, mime
from .errors import BadControlError
from .json_body import JsonBody, read_body
from .mailbox import Mailbox
from .quota import GENERATIONS
from .stand_in import STAND_IN, StandIn, deliver

PREFIX = "/_control"
MAX_DELIVERY = 100_000  # mails in one request
MAX_FILLING = 1_000_000  # mails in one filling
_CHUNK = 250  # mails put in before others get their turn
_MILLISECONDS = 4_102_444_800_000  # the year 2100

routes = web.RouteTableDef()


def _stand_in(request: web.Request) -> StandIn:
    return request.app[STAND_IN]


def _mailbox(request: web.Request) -> Mailbox:
    return _stand_in(request).mailboxes.open(request.match_info["address"])


@routes.get(f"{PREFIX}/state")
async def _state(request: web.Request) -> web.Response:
    stand_in = _stand_in(request)
    mailboxes = [stand_in.mailboxes.open(a).overview() for a in stand_in.mailboxes.addresses()]
    return web.json_response(
        {
            "now": stand_in.clock.now(),
            "clock_offset_s": stand_in.clock.offset,
            "mailboxes": [dataclasses.asdict(overview) for overview in mailboxes],
            "clients": [dataclasses.asdict(client) for client in stand_in.grants.clients()],
            "tokens": stand_in.grants.counts(),
            "faults": [_shown(rule) for rule in stand_in.faults.rules],
            "quota": _quota(stand_in),
            "requests": stand_in.requests_seen,
        }
    )


@routes.post(f"{PREFIX}/mailboxes")
async def _create_mailbox(request: web.Request) -> web.Response:
    body = await read_body(request)
    address = body.text("address")
    body.done()
    mailbox = _stand_in(request).mailboxes.create(address)
    return web.json_response(dataclasses.asdict(mailbox.overview()))


@routes.post(f"{PREFIX}/clients")
async def _register(request: web.Request) -> web.Response:
    body = await read_body(request)
    client_id, secret = body.text("client_id"), body.text("client_secret")
    uris = body.texts("redirect_uris")
    testing = body.flag("testing")
    body.done()
    client = _stand_in(request).grants.register(
        client_id, secret, uris or (), any_loopback=uris is None, testing=testing
    )
    return web.json_response(dataclasses.asdict(client))


@routes.post(f"{PREFIX}/change")
async def _change(request: web.Request) -> web.Response:
    """What every sandbox has: a change in an account that its customers are told of."""
    stand_in = _stand_in(request)
    body = await read_body(request)
    mailbox = stand_in.mailboxes.open(body.text("account"))
    body.done()
    number = mailbox.overview().messages_total + 1
    draft = mime.Draft(
        "sender@example.com", mailbox.address, f"Mail {number}", "A mail from the sandbox."
    )
    with stand_in.store.transaction():
        labels = [mailbox.labels.find_or_create(name).label_id for name in ("INBOX", "UNREAD")]
        message_id, _, _ = deliver(stand_in, mailbox.address, draft, labels, None, None)
    return web.json_response({"id": message_id})


# Mail


@routes.post(f"{PREFIX}/mailboxes/{{address}}/messages")
async def _deliver(request: web.Request) -> web.Response:
    stand_in, mailbox = _stand_in(request), _mailbox(request)
    body = await read_body(request)
    count = body.number("count", 1, MAX_DELIVERY) or 1
    labels = body.texts("labels")
    thread_id = body.optional_text("thread_id")
    date = body.number("internal_date", 0, _MILLISECONDS)
    sender = body.text("from", "sender@example.com")
    to = body.text("to", mailbox.address)
    subject, text = body.text("subject", "Hello"), body.text("text", "A mail from the sandbox.")
    html = body.optional_text("html")
    attachments = [_attachment(part) for part in body.parts("attachments")]
    headers = body.part("headers").rest()
    body.done()
    names = ["INBOX", "UNREAD"] if labels is None else labels
    delivered: list[dict[str, str]] = []
    for start in range(0, count, _CHUNK):
        with stand_in.store.transaction():
            label_ids = [mailbox.labels.find_or_create(name).label_id for name in names]
            for number in range(start + 1, min(start + _CHUNK, count) + 1):
                draft = mime.Draft(
                    sender, to, subject.replace("{n}", str(number)),
                    text.replace("{n}", str(number)), html, attachments, headers,
                )  # fmt: skip
                message_id, thread, history_id = deliver(
                    stand_in, mailbox.address, draft, label_ids, date, thread_id
                )
                delivered.append(
                    {"id": message_id, "threadId": thread, "historyId": str(history_id)}
                )
        await asyncio.sleep(0)
    return web.json_response({"messages": delivered})


@routes.post(f"{PREFIX}/mailboxes/{{address}}/fill")
async def _fill(request: web.Request) -> web.Response:
    stand_in, mailbox = _stand_in(request), _mailbox(request)
    body = await read_body(request)
    count = body.number("count", 1, MAX_FILLING) or 1
    names = body.texts("labels")
    newest = body.number("newest", 0, _MILLISECONDS)
    step = body.number("step_ms", 1, 86_400_000) or 60_000
    draft = mime.Draft(
        body.text("from", "sender@example.com"),
        body.text("to", mailbox.address),
        body.text("subject", "Mail {n}"),
        body.text("text", "Mail number {n}."),
    )
    body.done()
    newest = stand_in.clock.now_ms() if newest is None else newest
    if newest - count * step < 0:
        raise BadControlError("count times step_ms reaches back before 1970")
    labels = [
        mailbox.labels.find_or_create(name).label_id
        for name in (["INBOX", "UNREAD"] if names is None else names)
    ]
    ids: list[str] = []
    for start in range(1, count + 1, filling.CHUNK):
        numbers = range(start, min(start + filling.CHUNK, count + 1))
        ids += filling.fill(mailbox, draft, labels, numbers, newest, step)
        await asyncio.sleep(0)
    return web.json_response({"ids": ids})


def _attachment(part: JsonBody) -> mime.Attachment:
    filename = part.text("filename")
    mime_type = part.text("mime_type", "application/octet-stream")
    encoded, text = part.optional_text("content_base64"), part.text("text", "")
    part.done()
    content = text.encode() if encoded is None else mime.from_base64(encoded)
    return mime.Attachment(filename, content, mime_type)


@routes.post(f"{PREFIX}/mailboxes/{{address}}/labels")
async def _create_label(request: web.Request) -> web.Response:
    body = await read_body(request)
    name = body.text("name")
    body.done()
    return web.json_response(dataclasses.asdict(_mailbox(request).labels.find_or_create(name)))


@routes.post(f"{PREFIX}/mailboxes/{{address}}/messages/{{id}}/labels")
async def _relabel(request: web.Request) -> web.Response:
    mailbox = _mailbox(request)
    body = await read_body(request)
    add, remove = body.texts("add") or [], body.texts("remove") or []
    body.done()
    with _stand_in(request).store.transaction():
        changed = mailbox.relabel(
            [request.match_info["id"]],
            [mailbox.labels.find_or_create(name).label_id for name in add],
            [mailbox.labels.find_or_create(name).label_id for name in remove],
        )[0]
    return _message_answer(changed.message_id, changed.history_id, changed.label_ids)


@routes.post(f"{PREFIX}/mailboxes/{{address}}/relabel")
async def _relabel_many(request: web.Request) -> web.Response:
    mailbox = _mailbox(request)
    body = await read_body(request)
    ids = body.texts("ids") or []
    add, remove = body.texts("add") or [], body.texts("remove") or []
    body.done()
    with _stand_in(request).store.transaction():
        mailbox.relabel(
            ids,
            [mailbox.labels.find_or_create(name).label_id for name in add],
            [mailbox.labels.find_or_create(name).label_id for name in remove],
        )
    return web.json_response({})


@routes.post(f"{PREFIX}/mailboxes/{{address}}/delete")
async def _delete_many(request: web.Request) -> web.Response:
    mailbox = _mailbox(request)
    body = await read_body(request)
    ids = body.texts("ids") or []
    body.done()
    mailbox.delete(ids)
    return web.json_response({})


@routes.post(f"{PREFIX}/mailboxes/{{address}}/messages/{{id}}/trash")
async def _trash(request: web.Request) -> web.Response:
    changed = _mailbox(request).trash(request.match_info["id"])
    return _message_answer(changed.message_id, changed.history_id, changed.label_ids)


@routes.post(f"{PREFIX}/mailboxes/{{address}}/messages/{{id}}/untrash")
async def _untrash(request: web.Request) -> web.Response:
    changed = _mailbox(request).untrash(request.match_info["id"])
    return _message_answer(changed.message_id, changed.history_id, changed.label_ids)


@routes.delete(f"{PREFIX}/mailboxes/{{address}}/messages/{{id}}")
async def _delete(request: web.Request) -> web.Response:
    _mailbox(request).delete([request.match_info["id"]])
    return web.json_response({})


@routes.post(f"{PREFIX}/mailboxes/{{address}}/messages/{{id}}/poison")
async def _poison(request: web.Request) -> web.Response:
    body = await read_body(request)
    poisoned = body.flag("poisoned", default=True)
    body.done()
    _mailbox(request).poison(request.match_info["id"], poisoned=poisoned)
    return web.json_response({})


@routes.post(f"{PREFIX}/mailboxes/{{address}}/history/expire")
async def _expire_history(request: web.Request) -> web.Response:
    return web.json_response({"historyId": str(_mailbox(request).expire_history())})


def _message_answer(message_id: str, history_id: int, label_ids: tuple[str, ...]) -> web.Response:
    return web.json_response(
        {"id": message_id, "historyId": str(history_id), "labelIds": list(label_ids)}
    )


# Tokens


@routes.post(f"{PREFIX}/tokens/expire")
async def _expire_tokens(request: web.Request) -> web.Response:
    body = await read_body(request)
    address, client_id = body.optional_text("address"), body.optional_text("client_id")
    body.done()
    return web.json_response(
        {"expired": _stand_in(request).grants.expire_access(address, client_id)}
    )


@routes.post(f"{PREFIX}/grants/revoke")
async def _revoke(request: web.Request) -> web.Response:
    body = await read_body(request)
    address, client_id = body.optional_text("address"), body.optional_text("client_id")
    body.done()
    return web.json_response({"revoked": _stand_in(request).grants.withdraw(address, client_id)})


@routes.post(f"{PREFIX}/approve")
async def _approve(request: web.Request) -> web.Response:
    stand_in = _stand_in(request)
    body = await read_body(request)
    parts = urlsplit(body.text("url"))
    address, scopes = body.optional_text("address"), body.texts("scopes")
    denied = body.flag("deny")
    body.done()
    if parts.path != consent.PATH:
        raise BadControlError(f"url must be an authorization URL with the path {consent.PATH}")
    query = dict(reversed(parse_qsl(parts.query, keep_blank_values=True)))
    try:
        asked = consent.read(stand_in, query)
    except consent.BlockedError as error:
        raise BadControlError(f"url: {error}") from error
    foreign = set(scopes or ()) - set(asked.scopes)
    if foreign:
        raise BadControlError(f"scopes: {', '.join(sorted(foreign))} is not asked for by the url")
    if denied:
        return web.json_response({"location": consent.deny(asked)})
    account = address or asked.login_hint or next(iter(stand_in.mailboxes.addresses()), "")
    granted = asked.scopes if scopes is None else scopes
    return web.json_response({"location": consent.allow(stand_in, asked, account, granted)})


# Faults, quota, requests, time


@routes.post(f"{PREFIX}/faults")
async def _add_fault(request: web.Request) -> web.Response:
    body = await read_body(request)
    match, answer = body.part("match"), body.part("answer")
    times = body.number("times", 1, 1_000_000)
    pattern = match.optional_text("path_regex")
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise BadControlError(f"match.path_regex: {error}") from error
    method, user = match.optional_text("method"), match.optional_text("user")
    condition = Match(
        match.text("path", "/"), pattern, method and method.upper(), user and user.lower()
    )
    fault = Fault(
        status=answer.number("status", 200, 599),
        reason=answer.optional_text("reason"),
        message=answer.optional_text("message"),
        retry_after=answer.header_value("retry_after"),
        latency_ms=answer.number("latency_ms", 0, 600_000) or 0,
        cut=_cut(answer.optional_text("cut")),
        hang=answer.flag("hang"),
        html=answer.flag("html"),
        malformed=answer.flag("malformed"),
        after=answer.flag("after"),
    )
    for part in (match, answer, body):
        part.done()
    if (fault.status or 400) < 400 and not (fault.html or fault.malformed):
        raise BadControlError("answer.status below 400 needs html or malformed")
    if fault == Fault(after=fault.after):
        raise BadControlError("answer needs one of status, latency_ms, cut, hang, html, malformed")
    return web.json_response(_shown(_stand_in(request).faults.add(condition, fault, times)))


def _cut(text: str | None) -> Cut | None:
    if text is None:
        return None
    if text == "before":
        return "before"
    if text == "mid-body":
        return "mid-body"
    raise BadControlError('answer.cut must be "before" or "mid-body"')


def _shown(rule: Rule) -> dict[str, Any]:
    match, fault = dataclasses.asdict(rule.match), dataclasses.asdict(rule.fault)
    return {"id": rule.rule_id, "times": rule.times, "hits": rule.hits,
            "match": match, "answer": fault}  # fmt: skip


@routes.get(f"{PREFIX}/faults")
async def _list_faults(request: web.Request) -> web.Response:
    return web.json_response({"faults": [_shown(r) for r in _stand_in(request).faults.rules]})


@routes.delete(f"{PREFIX}/faults")
async def _clear_faults(request: web.Request) -> web.Response:
    _stand_in(request).faults.clear()
    return web.json_response({})


@routes.delete(f"{PREFIX}/faults/{{id:\\d{{1,9}}}}")
async def _remove_fault(request: web.Request) -> web.Response:
    if not _stand_in(request).faults.remove(int(request.match_info["id"])):
        raise BadControlError("there is no such fault", 404)
    return web.json_response({})


def _quota(stand_in: StandIn) -> dict[str, Any]:
    quota = stand_in.quota
    return {
        "generation": quota.generation,
        "enforced": quota.enforced,
        "status": quota.refusal,
        "units_by_user": dict(quota.units),
        "units_this_minute_by_user": dict(quota.by_user),
        "calls_by_method": dict(quota.calls),
        "calls_refused": quota.refused,
    }


@routes.get(f"{PREFIX}/quota")
async def _get_quota(request: web.Request) -> web.Response:
    return web.json_response(_quota(_stand_in(request)))


@routes.post(f"{PREFIX}/quota")
async def _set_quota(request: web.Request) -> web.Response:
    quota = _stand_in(request).quota
    body = await read_body(request)
    generation = body.text("generation", quota.generation)
    if generation not in GENERATIONS:
        raise BadControlError(f"generation must be one of {', '.join(GENERATIONS)}")
    status = body.number("status", 403, 429) or quota.refusal
    if status not in (403, 429):
        raise BadControlError("status must be 403 or 429")
    enforced = body.flag("enforced", default=quota.enforced)
    per_user = body.number("per_user_per_minute", 1, 10**9)
    per_project = body.number("per_project_per_minute", 1, 10**9)
    per_day = body.number("per_project_per_day", 1, 10**11)
    body.done()
    quota.generation, quota.enforced, quota.refusal = generation, enforced, status
    quota.per_user_per_minute, quota.per_project_per_minute = per_user, per_project
    quota.per_project_per_day = per_day
    return web.json_response(_quota(_stand_in(request)))


@routes.get(f"{PREFIX}/requests")
async def _requests(request: web.Request) -> web.Response:
    after = request.query.get("after", "0")
    if not after.isascii() or not after.isdecimal() or len(after) > 15:
        raise BadControlError("after must be the number of a request")
    entries = [r for r in _stand_in(request).requests if r.number > int(after)]
    return web.json_response({"requests": [dataclasses.asdict(entry) for entry in entries]})


@routes.delete(f"{PREFIX}/requests")
async def _clear_requests(request: web.Request) -> web.Response:
    _stand_in(request).requests.clear()
    return web.json_response({})


@routes.post(f"{PREFIX}/clock")
async def _clock(request: web.Request) -> web.Response:
    clock = _stand_in(request).clock
    body = await read_body(request)
    advance, offset = body.seconds("advance_s"), body.seconds("offset_s")
    body.done()
    if (advance is None) == (offset is None):
        raise BadControlError("give either advance_s or offset_s")
    clock.set_offset(offset if offset is not None else clock.offset + (advance or 0.0))
    return web.json_response({"now": clock.now(), "clock_offset_s": clock.offset})
