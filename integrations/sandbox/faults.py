"""Faults that a test orders: wrong answers, none at all, late ones, cut connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

Cut = Literal["before", "mid-body"]
_HTML = (
    "<!DOCTYPE html><html lang=en><title>Error {status} (Server Error)!!1</title>"
    "<p><b>{status}.</b> <ins>That&#8217;s an error.</ins><p>The server encountered an error and "
    "could not complete your request.<p>If the problem persists, please report it.</html>"
)


@dataclass(frozen=True)
class Match:
    """Which requests a rule is for; what isn't given doesn't matter."""

    path: str = "/"  # prefix
    path_regex: str | None = None  # found anywhere in the path
    method: str | None = None
    user: str | None = None  # mail address

    def fits(self, method: str, path: str, user: str | None) -> bool:
        """Whether the request is meant."""
        return (
            path.startswith(self.path)
            and (self.path_regex is None or re.search(self.path_regex, path) is not None)
            and self.method in (None, method)
            and self.user in (None, user)
        )


@dataclass(frozen=True)
class Fault:
    """What happens instead of the answer. With `latency_ms` alone, the answer comes, but late.

    `after`: the request is carried out first, and only its answer is lost.
    """

    status: int | None = None
    reason: str | None = None
    message: str | None = None
    retry_after: str | None = None  # the header's value: seconds or an HTTP date
    latency_ms: int = 0
    cut: Cut | None = None
    hang: bool = False
    html: bool = False
    malformed: bool = False
    after: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Rule:
    """A fault for the next `times` matching requests; None: until it is cleared."""

    rule_id: int
    match: Match
    fault: Fault
    times: int | None
    hits: int = 0


class Faults:
    """The rules in force, the oldest first. They live in memory.

    `body` makes the JSON of a provider's error: of a fault, its status and the request's path.
    """

    def __init__(self, body: Callable[[Fault, int, str], object]) -> None:
        self._body = body
        self.rules: list[Rule] = []
        self._made = 0
        self._closing = asyncio.Event()

    def add(self, match: Match, fault: Fault, times: int | None) -> Rule:
        """Put a rule behind those that are there."""
        self._made += 1
        rule = Rule(self._made, match, fault, times)
        self.rules.append(rule)
        return rule

    def remove(self, rule_id: int) -> bool:
        """Take a rule away; False where there is none."""
        before = len(self.rules)
        self.rules = [rule for rule in self.rules if rule.rule_id != rule_id]
        return len(self.rules) < before

    def clear(self) -> None:
        """Take all rules away."""
        self.rules.clear()

    def take(self, method: str, path: str, user: str | None) -> Fault | None:
        """The fault for this request, counted as used."""
        for rule in self.rules:
            if rule.match.fits(method, path, user):
                rule.hits += 1
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        self.rules.remove(rule)
                return rule.fault
        return None

    def stop(self) -> None:
        """Let go of every request that hangs or waits."""
        self._closing.set()

    async def inflict(
        self,
        fault: Fault,
        request: web.Request,
        carry_out: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Answer the request with the fault."""
        if fault.latency_ms:
            await self._wait(fault.latency_ms / 1000)
        answers = fault.status or fault.html or fault.malformed or fault.cut or fault.hang
        if not answers:
            return await carry_out()
        if fault.after:
            await carry_out()
        if fault.hang:
            await self._wait(None)
            return _abort(request)
        if fault.cut == "before":
            return _abort(request)
        if fault.cut == "mid-body":
            return await _half(request)
        return self._answer(fault, request.path)

    def _answer(self, fault: Fault, path: str) -> web.Response:
        headers = {**fault.headers}
        if fault.retry_after is not None:
            headers["Retry-After"] = fault.retry_after
        status = fault.status or (502 if fault.html else 200)
        if fault.html:
            text = _HTML.format(status=status)
            return web.Response(status=status, headers=headers, text=text, content_type="text/html")
        if fault.malformed:
            return web.Response(
                status=status,
                headers=headers,
                text='{"messages": [{"id": "18',
                content_type="application/json",
            )
        return web.json_response(self._body(fault, status, path), status=status, headers=headers)

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return


def _abort(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def _half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "4096"})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(b'{"messages": [{"id": "18')
    _abort(request)
    return response
