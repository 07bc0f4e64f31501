"""A provider's answer with one value that is not what it should be: the poll fails as a poll does,
or goes on; it never breaks, and the next one with right answers goes on from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elements import run
from elements.calls import Call, Changes
from elements.types import LINK, Operation, Paging
from integrations.github.tests.asked import Polled as PolledAtGitHub
from integrations.github.tests.asked import answer as github_answer
from integrations.github.tests.asked import at as github_time
from integrations.gmail.changed_messages import changed_messages
from integrations.gmail.tests.stand_in import Mailbox, poll_call, refusal
from tests.elements.notes import PLAIN, SINCE, Notes, at
from tests.elements.polled import Json, Polled
from transport.errors import MalformedAnswer, TransportError
from transport.types import Outcome, Request, Response

# What a value may be replaced by; ABSENT is that it is left out.
ABSENT = object()
JUNK: tuple[Any, ...] = (
    ABSENT, None, True, False, 0, -1, 1.5, float("nan"), float("inf"), 10**400, "", " ", "x", "\0",
    "\ud800", "../x", "x" * 9_999, [], {}, [[]], [{}], {"id": None}, 10**20, -(10**20),
    "2026-11-01T12:00:00", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+18:00", "9999-12-31T23:59:59-18:00",
)  # fmt: skip
ANY = st.randoms(use_true_random=False)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(value, dict | list):
        for name in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[name], (*place, name))


def mangled(response: Response, random: Random) -> Response:
    body = json.loads(response.body)
    *above, last = (None, *random.choice(list(places(body))))
    junk = random.choice(JUNK)
    if last is None:
        body = {} if junk is ABSENT else junk
    else:
        holder = body
        for name in above[1:]:
            holder = holder[name]
        if junk is ABSENT:
            del holder[last]
        else:
            holder[last] = junk
    return Response(response.status, response.headers, json.dumps(body).encode())


def survived(poll: Callable[[], object]) -> None:
    """Whatever the poll's errors are, they are those of polls."""
    with suppress(TransportError):
        poll()


# --- Gmail's history and its recovery ------------------------------------------------------------


class MangledMailbox(Mailbox):
    random: Random | None = None

    def reply(self, request: Request) -> Outcome:
        if not str(request.query.get("startHistoryId", "0")).isdecimal():
            return refusal(404, "notFound")
        if not str(request.query.get("pageToken", "0")).isdecimal():
            return refusal(400, "invalidArgument")
        answered = super().reply(request)
        if self.random is None or self.random.random() < 0.5 or not isinstance(answered, Response):
            return answered
        return mangled(answered, self.random)


@pytest.mark.parametrize("expired", [False, True], ids=["history", "recovery"])
@settings(deadline=None, max_examples=100)
@given(ANY)
def test_gmails_changes(expired: bool, chance: Random) -> None:
    mailbox = MangledMailbox()
    mailbox.deliver("m0")
    cursor = str(mailbox.history_id)
    for id_ in ("m1", "m2", "m3"):
        mailbox.deliver(id_)
    mailbox.label("m0", "STARRED")
    mailbox.delete("m3")
    if expired:
        mailbox.expire()
    found = [Changes((), cursor)]

    def poll() -> None:
        before = found[-1]
        call = poll_call(before.cursor, unfetched=before.unfetched)
        found.append(mailbox.run(changed_messages(call)))
        for change in found[-1].changes:
            assert "\0" not in change.fingerprint + found[-1].cursor

    mailbox.random = chance
    survived(poll)
    mailbox.random = None
    poll()


# --- GitHub's lists ------------------------------------------------------------------------------


def github_record(number: int) -> Json:
    time = github_time(number)
    return {
        "id": 1000 + number,
        "number": number,
        "created_at": time,
        "updated_at": time,
        "timestamp": time,
        "ref": "refs/heads/main",
        "before": f"{number:040x}",
        "after": f"{number + 1:040x}",
        "head": {"ref": "a", "repo": {"id": 1}},
        "base": {"ref": "b", "repo": None},
    }


@pytest.mark.parametrize("name", ["issues", "comments", "pull-requests", "pushes"])
@settings(deadline=None, max_examples=100)
@given(ANY)
def test_githubs_lists(name: str, chance: Random) -> None:
    records = [github_record(number) for number in (3, 2, 1)]
    random: list[Random] = []

    def github(request: Request) -> Response:
        answered = github_answer(records)
        return mangled(answered, random[0]) if random else answered

    polled = PolledAtGitHub(name, github)
    polled.poll()
    records.insert(0, github_record(400))
    random.append(chance)
    survived(polled.told)
    random.clear()
    records.insert(0, github_record(500))
    polled.told()
    assert len(polled.known) >= 2


# --- Listings ------------------------------------------------------------------------------------

COMPARED = {"url": "/hubs/crm/notes", "idField": "id"}
NESTED = {**COMPARED, "idField": "owner.id"}


class MangledListing(Polled):
    random: Random | None = None

    def _answer(self, request: Request) -> Response:
        answered = super()._answer(request)
        return answered if self.random is None else mangled(answered, self.random)


@pytest.mark.parametrize(
    "entry", [COMPARED, NESTED, PLAIN, SINCE], ids=["compared", "nested id", "by dates", "since"]
)
@settings(deadline=None, max_examples=100)
@given(ANY)
def test_listings(entry: Json, chance: Random) -> None:
    notes = Notes()
    polled = MangledListing(entry, notes)
    for number, id_ in enumerate(("a", "b", "c")):
        notes.put(id_, at(number - 9), owner={"id": f"of {id_}"})
    polled.poll(at(0))
    notes.put("d", at(1), owner={"id": "of d"})

    polled.random = chance
    survived(lambda: polled.poll(at(2)))
    polled.random = None
    notes.put("e", at(3), owner={"id": "of e"})
    assert "e" in {id_.removeprefix("of ") for id_, _ in polled.poll(at(4))}


# --- What would lose something -------------------------------------------------------------------


class FailingListing(Polled):
    answers: Response | None = None

    def _answer(self, request: Request) -> Response:
        return self.answers or super()._answer(request)


@pytest.mark.parametrize("expired", [False, True], ids=["history", "recovery"])
@pytest.mark.parametrize("token", [0, 7, True, {}, []])
def test_a_page_whose_token_is_none_is_not_taken_for_the_last(expired: bool, token: object) -> None:
    mailbox = Mailbox(page_size=1)
    for id_ in ("m1", "m2"):
        mailbox.deliver(id_)
    if expired:
        mailbox.expire()
    reply = mailbox.reply

    def odd(request: Request) -> Outcome:
        answered = reply(request)
        assert isinstance(answered, Response)
        body = json.loads(answered.body)
        if "nextPageToken" in body:
            body["nextPageToken"] = token
        return Response(answered.status, {}, json.dumps(body).encode())

    mailbox.reply = odd  # type: ignore[method-assign]
    with pytest.raises(MalformedAnswer, match="nextPageToken"):
        mailbox.run(changed_messages(poll_call("1000")))


@pytest.mark.parametrize("entry", [COMPARED, PLAIN, SINCE], ids=["compared", "by dates", "since"])
@pytest.mark.parametrize(
    "body",
    [
        {"error": "rate limited"},
        {"errors": [{"message": "no"}], "notes": None},
        {"ok": False},
        {"success": False, "message": "no"},
        None,
        [],
        "no",
        7,
    ],
)
def test_a_failure_that_is_answered_as_a_success_is_no_empty_list(entry: Json, body: Any) -> None:
    notes = Notes()
    polled = FailingListing(entry, notes)
    notes.put("a", at(-9))
    polled.poll(at(0))
    notes.put("b", at(1))

    polled.answers = Response(200, {}, json.dumps(body).encode())
    with pytest.raises(MalformedAnswer, match="notes in the provider's answer"):
        polled.poll(at(2))

    polled.answers = None
    assert polled.poll(at(3)) == [("b", "CREATED")]


@pytest.mark.parametrize(
    "paging", [Paging("size", "cursor", "next"), Paging("size", "cursor", LINK)]
)
def test_the_token_of_a_page_fits_into_a_header(paging: Paging) -> None:
    listing = Operation("GET", "/notes", "/notes", listing=True, root_key="notes", paging=paging)

    def read(token: str) -> str:
        steps = run.list_steps(listing, Call({}))
        next(steps)
        headers = {"link": f'<https://api.example.com/notes?cursor={token}>; rel="next"'}
        with pytest.raises(StopIteration) as done:
            steps.send(Response(200, headers, json.dumps({"notes": [], "next": token}).encode()))
        return str(done.value.value.next_token)

    assert read("x" * 4_000) == "x" * 4_000
    with pytest.raises(MalformedAnswer, match="longer than 4000 characters"):
        read("x" * 4_001)
