"""Polls by a provider's cursor: what they ask, and what they make of an answer that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from elements import cursor_feed
from elements.calls import (
    Changes,
    ChangeType,
    PollCall,
    PollerEntry,
    Reconciliation,
    ReconciliationReason,
    Unfetched,
)
from elements.feed import feed_of
from elements.listing import digest
from elements.types import ChangeCursor, Operation, Paging, Resource
from transport.errors import AddressRefused, MalformedAnswer, ProviderError
from transport.outgoing import prepare
from transport.types import (
    Account,
    Checkpoint,
    KnownObjects,
    ListedObjects,
    Request,
    Response,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOST = "https://api.example.com"
TOKENS = ChangeCursor("sync", "since", deleted_key="gone", version_key="v")
ADDRESSES = ChangeCursor("@delta", vendor_path="/notes/delta", deleted_key="@removed")
Json = dict[str, Any]
Answer = Callable[[Request], Response]


def notes(cursor: ChangeCursor, next_key: str = "next") -> Resource:
    paging = Paging("limit", "after", next_key, 50)
    return Resource(
        "notes",
        (
            Operation(
                "GET",
                "/notes",
                "/v1/notes",
                listing=True,
                root_key="items",
                paging=paging,
                change_cursor=cursor,
            ),
            Operation("GET", "/notes/{id}", "/v1/notes/{id}"),
        ),
    )


def asked_with(cursor: str | None, **more: Any) -> PollCall:
    entry = PollerEntry("notes", "/hubs/crm/notes", "id")
    return PollCall(entry, cursor, NOW, caught_up_at=NOW - timedelta(hours=1), **more)


class Poll:
    """Runs one poll. `known` and `listed` are what is stored; `asked` the requests it made."""

    def __init__(
        self,
        resource: Resource,
        answer: Answer,
        *,
        known: Mapping[str, str] | None = None,
        listed: Mapping[str, tuple[str, tuple[str, ...] | None]] | None = None,
    ) -> None:
        self.resource, self.answer = resource, answer
        self.known, self.listed = known or {}, listed or {}
        self.asked: list[Request] = []
        self.checkpoints: list[Changes] = []

    def __call__(self, call: PollCall) -> Changes:
        feed = feed_of(self.resource)
        assert feed is not None
        steps = feed(call)
        step = next(steps)
        try:
            while True:
                step = steps.send(self._reply(step))
        except StopIteration as end:
            found: Changes = end.value
            return found

    def _reply(self, step: Any) -> Any:
        match step:
            case Request():
                self.asked.append(step)
                return self.answer(step)
            case Checkpoint():
                return self.checkpoints.append(step.result)
            case KnownObjects():
                return {id_: self.known[id_] for id_ in step.ids if id_ in self.known}
            case ListedObjects():
                return self.listed
            case _:
                return [self._reply(one) for one in step]


def page(*records: Json, **more: Any) -> Response:
    return Response(200, {}, json.dumps({"items": list(records), **more}).encode())


def refused(status: int) -> Response:
    return Response(status, {}, b"{}")


def scripted(*answers: Response) -> Answer:
    left = list(answers)
    return lambda _: left.pop(0)


def started(resource: Resource, *, cursor: str = "c1", at: str = "") -> str:
    """The stored cursor of a resource that has been read to its end."""
    assert resource.change_cursor is not None
    first = page(**{resource.change_cursor.next_key: cursor})
    read = Poll(resource, lambda _: first)
    scope = read(asked_with(None)).cursor.partition(".")[0]
    return cursor_feed.Position(cursor, at).text(scope)


def told(found: Changes) -> list[tuple[str, str]]:
    return [(one.object_id, one.change_type.value) for one in found.changes]


def test_the_first_reading_is_known_and_not_told() -> None:
    poll = Poll(
        notes(TOKENS),
        scripted(
            page({"id": "a", "v": 1}, next="p2"),
            page({"id": "b", "v": 1}, {"id": "c", "gone": True}, sync="c1"),
        ),
    )
    found = poll(asked_with(None))
    assert found.changes == ()
    assert found.picture is not None
    assert {*found.picture} == {"a", "b", "c"}
    assert found.picture["c"] == "deleted"
    assert not found.more
    assert [one.query for one in poll.asked] == [{"limit": 50}, {"limit": 50, "after": "p2"}]
    assert [one.more for one in poll.checkpoints] == [True]


def test_the_cursor_is_sent_with_every_page() -> None:
    resource = notes(TOKENS)
    poll = Poll(
        resource,
        scripted(
            page({"id": "a", "v": 2}, next="p2"),
            page({"id": "a", "v": 3}, {"id": "b", "gone": True}, sync="c2"),
        ),
    )
    found = poll(asked_with(started(resource)))
    assert told(found) == [("a", "CREATED"), ("b", "DELETED")]  # what is known says: UPDATED
    assert found.changes[0].record == {"id": "a", "v": 3}
    assert [one.query for one in poll.asked] == [
        {"limit": 50, "since": "c1"},
        {"limit": 50, "since": "c1", "after": "p2"},
    ]
    assert found.cursor == started(resource, cursor="c2")


def test_addresses_are_followed_as_they_are_within_the_origin_only() -> None:
    resource = notes(ADDRESSES, "@next")
    delta, following = f"{HOST}/v1/notes/delta?token=1", f"{HOST}/v1/notes/delta?skip=1"
    poll = Poll(
        resource,
        scripted(
            page({"id": "a"}, **{"@next": following}),
            page({"id": "b", "@removed": {"reason": "deleted"}}, **{"@delta": delta}),
        ),
    )
    found = poll(asked_with(started(resource, cursor=delta)))
    assert told(found) == [("a", "CREATED"), ("b", "DELETED")]
    assert [(one.url, dict(one.query)) for one in poll.asked] == [(delta, {}), (following, {})]
    account = Account(f"{HOST}/v1")
    assert prepare(poll.asked[0], account, "token").headers["Authorization"] == "Bearer token"
    elsewhere = replace(poll.asked[0], url="https://example.org/v1/notes/delta")
    with pytest.raises(AddressRefused, match="not its own"):
        prepare(elsewhere, account, "token")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (page({"id": "a", "v": 2}), "nothing at sync and nothing at next"),
        (page({"id": "a"}, sync="c2"), "no version at v"),
        (page({"v": 1}, sync="c2"), "no id at id"),
        (Response(200, {}, b'{"error": "internal"}'), "no list at items"),
        (Response(200, {}, b'{"items": [], "error": "x", "sync": "c2"}'), "says that it failed"),
        (Response(204, {}, b""), "nothing at sync"),
        (page(sync=True), "no token and no address"),
        (page(sync="x" * 9_000), "longer than"),
    ],
)
def test_an_answer_that_is_no_page_fails_the_poll(answer: Response, words: str) -> None:
    resource = notes(TOKENS)
    with pytest.raises(MalformedAnswer, match=words):
        Poll(resource, scripted(answer))(asked_with(started(resource)))


def test_a_page_that_leads_to_itself_fails_the_poll() -> None:
    resource = notes(TOKENS)
    poll = Poll(resource, scripted(page(next="p2"), page(next="p2")))
    with pytest.raises(MalformedAnswer, match="the same page again"):
        poll(asked_with(started(resource)))


def test_a_page_that_is_forgotten_is_read_again_from_the_cursor() -> None:
    resource = notes(TOKENS)
    poll = Poll(resource, scripted(refused(410), page({"id": "a", "v": 2}, sync="c2")))
    found = poll(asked_with(started(resource, at="p7")))
    assert told(found) == [("a", "CREATED")]
    assert "after" not in poll.asked[1].query


def test_who_forgets_each_page_at_once_is_an_error() -> None:
    resource = notes(TOKENS)
    poll = Poll(resource, scripted(refused(400), page(next="p2"), refused(400)))
    with pytest.raises(ProviderError):
        poll(asked_with(started(resource, at="p7")))
    assert poll.checkpoints == []  # nothing that would hide it


def test_a_long_reading_goes_on_with_the_next_poll() -> None:
    resource = notes(TOKENS)
    numbers = iter(range(1_000))
    answers = (page({"id": f"n{n}", "v": n}, next=f"p{n}") for n in numbers)
    poll = Poll(resource, lambda _: next(answers))
    found = poll(asked_with(started(resource)))
    assert len(poll.asked) == cursor_feed.PAGES_A_POLL
    assert len(found.changes) == cursor_feed.PAGES_A_POLL
    assert found.more
    rest = Poll(resource, scripted(page({"id": "z", "v": 1}, sync="c2")))
    assert told(rest(asked_with(found.cursor))) == [("z", "CREATED")]
    assert rest.asked[0].query["after"] == f"p{cursor_feed.PAGES_A_POLL - 1}"


# --- Records that changes hold in parts ----------------------------------------------------------


def test_records_in_parts_are_read_by_their_ids() -> None:
    resource = notes(replace(TOKENS, reads_records=True))
    whole = {"id": "a", "v": 2, "title": "A"}
    poll = Poll(
        resource,
        scripted(
            page({"id": "a", "v": 2}, {"id": "b", "v": 2}, sync="c2"),
            Response(200, {}, json.dumps(whole).encode()),
            Response(200, {}, b'{"id": "other", "v": 2}'),
        ),
    )
    found = poll(asked_with(started(resource)))
    assert [dict(one.record) for one in found.changes] == [whole]
    [waits] = found.unfetched
    assert (waits.object_id, waits.error) == (
        "b",
        "the provider's answer to its id is another record",
    )


def test_what_was_put_aside_and_is_deleted_by_now_is_told_as_deleted() -> None:
    resource = notes(replace(TOKENS, reads_records=True))
    poll = Poll(resource, scripted(page({"id": "a", "gone": True}, sync="c2")))
    waits = (Unfetched("a", ChangeType.CREATED, "it failed"),)
    found = poll(asked_with(started(resource), unfetched=waits))
    assert told(found) == [("a", "DELETED")]
    assert found.unfetched == ()


# --- Expired cursors -----------------------------------------------------------------------------


def begun(**place: Any) -> Reconciliation:
    return Reconciliation(
        ReconciliationReason.EXPIRED, NOW - timedelta(hours=1), NOW, "x", "x", place
    )


@pytest.mark.parametrize(
    ("cursor", "refusal"),
    [
        (TOKENS, Response(410, {}, b"")),
        (
            replace(TOKENS, expired_statuses=(), expired_codes=frozenset({"EXPIRED_SYNC_TOKEN"})),
            Response(400, {}, b'{"error": {"code": 400, "status": "EXPIRED_SYNC_TOKEN"}}'),
        ),
    ],
)
def test_an_expired_cursor_has_all_listed_and_compared(
    cursor: ChangeCursor, refusal: Response
) -> None:
    resource = notes(cursor)
    before = started(resource)
    state = digest("1")
    poll = Poll(
        resource,
        scripted(refusal, page({"id": "a", "v": 1}, {"id": "b", "v": 1}, sync="c9")),
        known={"a": state},
    )
    found = poll(asked_with(before))
    assert told(found) == [("b", "CREATED")]
    assert found.cursor == before  # until all has been compared
    assert found.more
    assert found.listed == {"": ("a", "b")}
    assert found.reconciliation is not None
    assert found.reconciliation.reason is ReconciliationReason.EXPIRED
    assert poll.asked[-1].query == {"limit": 50}


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_another_error_is_no_expired_cursor(status: int) -> None:
    resource = notes(TOKENS)
    with pytest.raises(ProviderError):
        Poll(resource, scripted(refused(status)))(asked_with(started(resource)))


def test_what_is_not_listed_is_asked_for_before_it_is_told_as_deleted() -> None:
    resource = notes(TOKENS)
    there = {"/v1/notes/a": {"id": "a", "v": 1}, "/v1/notes/moved": {"id": "moved", "v": 1}}
    marked = {"/v1/notes/marked": {"id": "marked", "gone": True}}

    def answer(request: Request) -> Response:
        record = {**there, **marked}.get(request.url)
        return Response(404 if record is None else 200, {}, json.dumps(record or {}).encode())

    poll = Poll(
        resource,
        answer,
        listed={"a": ("1", ()), "gone": ("1", None), "marked": ("1", None), "moved": ("1", None)},
    )
    state = begun(page="", cursor="c9", control="a")
    found = poll(asked_with(started(resource), reconciliation=state))
    assert sorted(told(found)) == [("gone", "DELETED"), ("marked", "DELETED")]
    assert found.unchanged == ("moved",)
    assert found.cursor == started(resource, cursor="c9")
    assert found.gap is not None
    assert found.reconciliation is not None
    assert found.reconciliation.finished


def test_nothing_is_deleted_where_what_is_listed_is_not_found_either() -> None:
    resource = notes(TOKENS)
    poll = Poll(resource, lambda _: refused(404), listed={"gone": ("1", None)})
    state = begun(page="", cursor="c9", control="a")
    with pytest.raises(MalformedAnswer, match="that it lists"):
        poll(asked_with(started(resource), reconciliation=state))


def test_a_comparison_that_loses_its_page_begins_again() -> None:
    """What it had listed may be gone by now."""
    resource = notes(TOKENS)
    poll = Poll(resource, scripted(refused(404), page({"id": "a", "v": 1}, sync="c9")))
    earlier = replace(begun(page="p7"), started_at=NOW - timedelta(minutes=1))
    found = poll(asked_with(started(resource), reconciliation=earlier))
    assert found.reconciliation is not None
    assert found.reconciliation.started_at == NOW
    assert found.listed == {"": ("a",)}


# --- What is polled otherwise --------------------------------------------------------------------


@pytest.mark.parametrize("url", ["/hubs/crm/notes?kind=x", "/hubs/crm/notes?where=v>1"])
def test_an_entry_that_asks_for_some_records_has_them_compared(url: str) -> None:
    resource = notes(TOKENS)
    poll = Poll(resource, scripted(page({"id": "a", "v": 2}, sync="c1")))
    call = replace(asked_with(None), entry=PollerEntry("notes", url, "id"))
    found = poll(call)
    assert found.compared


def test_another_cursor_of_the_same_resource_begins_anew() -> None:
    resource = notes(TOKENS)
    poll = Poll(resource, scripted(page({"id": "a", "v": 2}, sync="c1")))
    found = poll(asked_with("another.scope"))
    assert found.picture is not None
    assert found.changes == ()
