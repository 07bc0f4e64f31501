"""No poll tells of a deletion that a second look would not confirm, however the provider lists:
with a limit of its own, records hidden after the page was cut, pages that fail, parameters and keys
that are not its own, and records that come and go while pages are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elements import snapshot
from elements.types import LINK, Operation, Paging, PagingKind, Resource
from tests.elements.notes import PLAIN, SINCE, at, iso
from tests.elements.polled import NOTES, Json, Polled
from transport.errors import TransportError
from transport.types import Request, Response

COMPARED: Json = {"url": "/hubs/crm/notes", "idField": "id", "pageSize": 6}
PAGINGS = {
    "page": Paging("limit", "page", kind=PagingKind.PAGE, largest=500),
    "offset": Paging("limit", "offset", kind=PagingKind.OFFSET, largest=500),
    "cursor": Paging("limit", "after", "next", largest=500),
    "link": Paging("limit", "page", LINK, 500, PagingKind.PAGE),
}
FAILURES: tuple[tuple[int, Any], ...] = (
    (500, {}), (404, {}), (200, {}), (200, {"error": "busy"}), (200, {"notes": None}),
    (200, {"status": "error", "notes": []}),
)  # fmt: skip


@dataclass
class Provider:
    """Lists its notes, newest first. `cap` is the most that it gives in a page."""

    random: Random
    cap: int
    reads: Mapping[str, str]  # its own names of the parameters
    clamps: bool
    notes: list[Json] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    made: int = 0
    fails: float = 0.0
    moves: float = 0.0
    minute: int = 0

    def make(self) -> None:
        self.made += 1
        now = iso(at(self.minute))
        self.notes.insert(0, {"id": str(self.made), "created": now, "updated": now})

    def move(self) -> None:
        if self.notes and self.random.random() < 0.5:
            self.notes.remove(self.random.choice(self.notes))
        else:
            self.make()

    def there(self) -> set[str]:
        return {note["id"] for note in self.notes} - self.hidden

    def one(self, id_: str) -> Response:
        """Hidden from lists, it is there all the same."""
        found = [note for note in self.notes if note["id"] == id_]
        failed = self.random.random() < self.fails
        return Response(
            500 if failed else 200 if found else 404, {}, json.dumps(found[:1]).encode()[1:-1]
        )

    def answer(self, query: Mapping[str, Any]) -> Response:
        if self.random.random() < self.moves:
            self.move()
        if self.random.random() < self.fails:
            status, body = self.random.choice(FAILURES)
            return Response(status, {}, json.dumps(body).encode())
        given = {mine: query[theirs] for mine, theirs in self.reads.items() if theirs in query}
        size = min(int(given.get("size", 4)), self.cap)
        start = int(given.get("offset", given.get("after", (int(given.get("page", 1)) - 1) * size)))
        if self.clamps and start >= len(self.notes):
            start = max((len(self.notes) - 1) // size, 0) * size
        page = [one for one in self.notes[start : start + size] if one["id"] not in self.hidden]
        body, headers = {"notes": page}, {}
        if start + size < len(self.notes):
            body["next"] = str(start + size)
            headers["link"] = f'<https://x.example/?page={start // size + 2}>; rel="next"'
        return Response(200, headers, json.dumps(body).encode())


@dataclass
class PolledAt(Polled):
    provider: Provider | None = None

    def _answer(self, request: Request) -> Response:
        assert self.provider is not None
        if not request.url.endswith("/notes"):
            return self.provider.one(request.url.rpartition("/")[2])
        return self.provider.answer(request.query)


def polled(provider: Provider, paging: Paging, entry: Json) -> PolledAt:
    assert NOTES.listing is not None
    operation: Operation = replace(NOTES.listing, paging=paging)
    reading = Operation("GET", "/notes/{id}", "/v1/notes/{id}")
    return PolledAt(entry, lambda _: [], Resource("notes", (operation, reading)), provider=provider)


def lived_through(provider: Provider, it: PolledAt, chance: Random) -> int:
    """Polls while things happen, and returns how many deletions were told."""
    for _ in range(chance.randrange(1, 30)):
        provider.make()
    deletions = 0
    for provider.minute in range(0, 120, 15):
        told: list[tuple[str, str]] = []
        with suppress(TransportError):
            told = it.poll(at(provider.minute))
        gone = {id_ for id_, kind in told if kind == "DELETED"}
        assert not gone & provider.there()
        deletions += len(gone)
        for _ in range(chance.randrange(4)):
            provider.move()
        if provider.notes and chance.random() < 0.3:
            # One at a time: a page of which all is hidden is empty, and that is where pages end.
            provider.hidden = {chance.choice(provider.notes)["id"]} - provider.hidden
        if chance.random() < 0.1:
            del provider.notes[: chance.randrange(len(provider.notes) + 1)]
        provider.fails = chance.choice([0.0, 0.0, 0.2])
        provider.moves = chance.choice([0.0, 0.3])
    return deletions


OWN = {"size": "limit", "page": "page", "offset": "offset", "after": "after"}
CHANCES = st.randoms(use_true_random=False)


@pytest.mark.parametrize("entry", [COMPARED, PLAIN, SINCE], ids=["compared", "by dates", "since"])
@pytest.mark.parametrize("kind", PAGINGS)
@settings(deadline=None, max_examples=25)
@given(CHANCES, st.integers(2, 9), st.booleans())
def test_whatever_the_provider_leaves_out(
    entry: Json, kind: str, chance: Random, cap: int, clamps: bool
) -> None:
    provider = Provider(chance, cap, OWN, clamps and kind in ("page", "offset"))
    lived_through(provider, polled(provider, PAGINGS[kind], entry), chance)


@pytest.mark.parametrize("kind", PAGINGS)
@settings(deadline=None, max_examples=40)
@given(CHANCES, st.integers(2, 9), st.booleans())
def test_a_listing_that_is_read_in_steps(kind: str, chance: Random, cap: int, clamps: bool) -> None:
    provider = Provider(chance, cap, OWN, clamps and kind in ("page", "offset"))
    it = polled(provider, PAGINGS[kind], COMPARED)
    it.is_cut = lambda: chance.random() < 0.4
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot, "MANY_PAGES", 1)
        lived_through(provider, it, chance)
        provider.fails = provider.moves = 0.0
        provider.hidden = set()
        told = [one for minute in range(120, 600, 15) for one in it.poll(at(minute))]
    assert {id_ for id_, kind in told if kind == "DELETED"} & provider.there() == set()
    assert it.known.keys() == provider.there()


def test_where_no_record_can_be_read_a_long_look_tells_of_no_deletion() -> None:
    provider = Provider(Random(1), 4, OWN, clamps=False)  # noqa: S311 - repeatable
    for _ in range(40):
        provider.make()
    it = polled(provider, PAGINGS["page"], COMPARED)
    it.resource = Resource("notes", it.resource.operations[:1])
    it.poll(at(0))
    del provider.notes[7]
    cuts = iter([True])
    it.is_cut = lambda: next(cuts, False)
    assert it.poll(at(15)) == []
    assert it.note.startswith("1 records are listed no more")
    assert "cannot read one by its id" in it.note
    assert it.poll(at(30)) == [("33", "DELETED")]  # by a poll that reads it whole


@pytest.mark.parametrize("wrong", ["size", "page", "both"])
@pytest.mark.parametrize("kind", ["page", "offset"])
@settings(deadline=None, max_examples=25)
@given(CHANCES)
def test_parameters_that_are_not_the_providers(wrong: str, kind: str, chance: Random) -> None:
    names = {"size": ("size",), "page": ("page", "offset"), "both": ("size", "page", "offset")}
    reads = {mine: "x" if mine in names[wrong] else name for mine, name in OWN.items()}
    provider = Provider(chance, 9, reads, clamps=False)
    lived_through(provider, polled(provider, PAGINGS[kind], COMPARED), chance)


@dataclass
class Unsteady(Provider):
    """Holds as many notes in each look as in the one before, and deletes the newest of them as soon
    as it has answered the first page, so that the first of the second page moves out of sight."""

    looks: int = 0  # that it does so

    def answer(self, query: Mapping[str, Any]) -> Response:
        first = self.looks > 0 and int(query["page"]) == 1
        if first and len(self.notes) < self.made:
            self.make()
        response = super().answer(query)
        if first:
            self.looks -= 1
            del self.notes[0]
        return response


def test_what_moved_out_of_sight_in_both_looks_is_not_told_as_deleted() -> None:
    provider = Unsteady(Random(1), 4, OWN, clamps=False)  # noqa: S311 - repeatable
    for _ in range(14):
        provider.make()
    it = polled(provider, PAGINGS["page"], COMPARED)
    it.poll(at(0))
    provider.looks = 2
    assert it.poll(at(15)) == []
    assert it.poll(at(30)) == [("14", "DELETED")]


@dataclass
class Growing(Provider):
    """Makes a note after each answer, while `growing`."""

    growing: bool = False

    def answer(self, query: Mapping[str, Any]) -> Response:
        response = super().answer(query)
        if self.growing:
            self.make()
        return response


def test_a_first_page_that_moved_on_is_not_taken_for_the_second() -> None:
    """Three notes in a page, and a provider that reads no number: all but one come again."""
    provider = Growing(Random(1), 3, {**OWN, "page": "x"}, clamps=False)  # noqa: S311 - repeatable
    for _ in range(3):
        provider.make()
    it = polled(provider, PAGINGS["page"], COMPARED)
    provider.growing = True
    with pytest.raises(TransportError, match="stood on the page before"):
        it.poll(at(0))


def test_a_key_that_is_not_the_providers_fails_the_poll() -> None:
    provider = Provider(Random(1), 9, OWN, clamps=False)  # noqa: S311 - repeatable
    for _ in range(8):
        provider.make()
    it = polled(provider, replace(PAGINGS["cursor"], next_token_key="cursor.next"), COMPARED)
    with pytest.raises(TransportError, match="nextPageKey is not where"):
        it.poll(at(0))
    del provider.notes[6:]  # as many as are asked for, and no more: the end
    it = polled(provider, PAGINGS["cursor"], COMPARED)
    assert it.poll(at(0)) == []
    assert len(it.known) == 6


def test_deletions_are_told_all_the_same() -> None:
    """Else all of the above would hold of polls that tell nothing."""
    told = 0
    for seed in range(10):
        chance = Random(seed)  # noqa: S311 - repeatable
        provider = Provider(chance, 3, OWN, clamps=False)
        told += lived_through(provider, polled(provider, PAGINGS["page"], COMPARED), chance)
    assert told > 50
