"""Compares what really happened, what is stored, and what the customer was told.

Lost is a change that the contract promises and no event that arrived tells of. Promised are:
- of a message that was added: CREATED, once, and never again;
- of a message that is there: its last state, with the labels that it has;
- of a message that is gone: DELETED, as the last word.
Each counts from where events were switched on, and as far as Gmail lets anybody know: of what
happened while its history was lost, what a comparison of the mailbox with what was told can show.
There an added message of an ordinary date is promised, and all that became of one that was told of
before, however old it is. A message that came and went within such a gap, one that was added under
a date of the past, what became of one that nothing was told of, and labels that came and went,
nobody can know of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from django.db import connection

from events.models import Delivery, Event
from polling.models import PollingResource, PollOutcome, PollRun, PutAsideObject
from tests.proof.customer import Customer, Told, read
from tests.proof.ledger import ADDED, Ledger, Story

LATE = 10**12  # later than any request


@dataclass(frozen=True, slots=True)
class Gap:
    """History that was lost: ids above `start` up to `end`."""

    start: int
    end: int


@dataclass
class Verdict:
    """What is wrong, in words; all of it must be empty. And figures that are not wrong."""

    lost: list[str] = field(default_factory=list)
    stored_twice: list[str] = field(default_factory=list)
    two_ids: list[str] = field(default_factory=list)
    moved_back: list[str] = field(default_factory=list)
    overtaken: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        parts = (self.lost, self.stored_twice, self.two_ids, self.moved_back)
        return [text for part in (*parts, self.overtaken, self.untrue) for text in part]


def judge(
    ledger: Ledger,
    customer: Customer,
    watched_from: Mapping[str, int],
    past: set[str],
    ordered: set[str],
) -> Verdict:
    """`watched_from` is {address: history id} of where events were switched on, `past` are the
    ids of messages with a date of the past, `ordered` addresses that are told of in order."""
    verdict = Verdict()
    stored = _stored(verdict)
    _cursors(verdict)
    _arrivals(verdict, customer, stored)
    verdict.overtaken += overtaken(customer, ordered)
    arrived = _in_order(customer)
    gaps = _gaps()
    changed = unknowable = 0
    for address, stories in ledger.stories().items():
        told = arrived.pop(address, {})
        for id_, story in stories.items():
            if story.changes[-1][0] <= watched_from[address]:
                continue
            changed += 1
            heard = told.pop(id_, [])
            check_states(verdict, id_, story, heard)
            wanted = Promise(story, gaps[address], watched_from[address], id_ in past)
            for reason in wanted.broken(heard):
                verdict.lost.append(f"{address} {id_}: {reason}; {story.changes}; {heard}")
            unknowable += wanted.last != story.changes[-1][0]
        verdict.untrue += [f"{address} {id_} is told of, and never changed" for id_ in told]
    verdict.figures["messages that changed"] = changed
    verdict.figures["messages that nothing is promised of"] = unknowable
    verdict.figures["gone before they could be read"] = sum(
        PollRun.objects.values_list("missing", flat=True)
    )
    verdict.figures["gaps in the history recovered"] = sum(len(some) for some in gaps.values())
    return verdict


@dataclass
class Promise:
    """What must have been told of one message."""

    story: Story
    gaps: list[Gap]
    watched_from: int
    past: bool

    @property
    def added_at(self) -> int | None:
        """The history id at which it came, while it was watched."""
        first_id, kind = self.story.changes[0]
        return first_id if kind == ADDED and first_id > self.watched_from else None

    @property
    def last(self) -> int | None:
        """The history id of the last change that can be known of; None when there is none."""
        shown = self._shown()
        return shown[-1] if shown else None

    def _gap(self, history_id: int) -> Gap | None:
        return next((gap for gap in self.gaps if gap.start < history_id <= gap.end), None)

    def _shown(self) -> list[int]:
        """The history ids of the changes that show, or the state after them, in the history or in
        a comparison: of a message that came within a gap, and of one that was known before."""
        shown: list[int] = []
        for id_, _ in self.story.changes:
            if id_ <= self.watched_from:
                continue
            gap = self._gap(id_)
            came_within = (
                gap is not None
                and self.added_at is not None
                and gap.start < self.added_at <= gap.end
                and not self.past
            )
            if gap is None or came_within or shown:
                shown.append(id_)
        return shown

    def _is_undone(self, told: Told) -> bool:
        """Whether it is as it was told, and all that happened to it since lies in gaps."""
        since = [id_ for id_, _ in self.story.changes if id_ > (told.history_id or 0)]
        return all(map(self._gap, since)) and self.story.labels[since[-1]] == told.labels

    def broken(self, heard: list[Told]) -> Iterable[str]:
        types = [one.type for one in heard]
        added = self.added_at
        if types.count("CREATED") > 1:
            yield "it is new more than once"
        if added is None and "CREATED" in types:
            yield "it is told to be new, and was there before"
        last = self.last
        if last is None:
            return
        deleted_at = self.story.deleted_at
        if deleted_at is not None:
            gap = self._gap(deleted_at)
            # In a gap, only who was told of it can know that it is gone.
            if (gap is None or (heard and last == deleted_at)) and types[-1:] != ["DELETED"]:
                yield "its end is not told"
            return
        if not heard:
            yield "nothing is told"
            return
        if added is not None and added in self._shown() and types.count("CREATED") != 1:
            yield "it is never new"
        told_last = heard[-1].history_id
        late = told_last is None or (told_last < last and not self._is_undone(heard[-1]))
        if types[-1] == "DELETED" or late:
            yield f"its last state that can be known, {last}, is not told"


def check_states(verdict: Verdict, id_: str, story: Story, heard: list[Told]) -> None:
    """Each state that is told is one that the message had, and they come in order."""
    before = 0
    for one in heard:
        if one.type == "DELETED":
            if story.deleted_at is None:
                verdict.untrue.append(f"{id_} is told to be gone, and is there")
            continue
        if one.history_id is None or story.labels.get(one.history_id) != one.labels:
            verdict.untrue.append(f"{id_} never was as it is told: {one}")
        elif one.history_id <= before:
            verdict.untrue.append(f"{id_} is told backwards: {one}")
        else:
            before = one.history_id


# --- What is stored ------------------------------------------------------------------------------


def _stored(verdict: Verdict) -> dict[str, int]:
    """{webhook id: event id} of all deliveries. No state of an object stands in two events."""
    states: Counter[tuple[str, str, object]] = Counter()
    objects = 0
    for body in Event.objects.order_by("pk").values_list("body", flat=True).iterator():
        for one in read(body):
            objects += 1
            states[_state(one)] += 1
    verdict.stored_twice += [f"{state} is stored {n} times" for state, n in states.items() if n > 1]
    verdict.figures["events"] = Event.objects.count()
    verdict.figures["changes in events"] = objects
    ids: dict[str, int] = {}
    events: set[int] = set()
    for webhook_id, event_id, status in Delivery.objects.values_list(
        "webhook_id", "event_id", "status"
    ):
        ids[webhook_id] = event_id
        if event_id in events:
            verdict.two_ids.append(f"event {event_id} has two deliveries")
        events.add(event_id)
        if status != "delivered":
            verdict.lost.append(f"the delivery {webhook_id} is {status}")
    for event_id in set(Event.objects.values_list("pk", flat=True)) - events:
        verdict.lost.append(f"event {event_id} has no delivery")
    if unfetched := PutAsideObject.objects.count():
        verdict.lost.append(f"{unfetched} objects are still put aside")
    return ids


def _state(one: Told) -> tuple[str, str, object]:
    return one.address, one.object_id, "gone" if one.type == "DELETED" else one.history_id


def _arrivals(verdict: Verdict, customer: Customer, stored: Mapping[str, int]) -> None:
    verdict.untrue += customer.faults
    for webhook_id, event_id in customer.events.items():
        if stored.get(webhook_id) != event_id:
            verdict.two_ids.append(f"{webhook_id} brought event {event_id}, and is not its id")
    for webhook_id in stored.keys() - customer.arrived.keys():
        verdict.lost.append(f"{webhook_id} never arrived")
    under: dict[tuple[str, str, object], set[str]] = defaultdict(set)
    for webhook_id, told in customer.told.items():
        for one in told:
            under[_state(one)].add(webhook_id)
    verdict.two_ids += [f"{state} came under {ids}" for state, ids in under.items() if len(ids) > 1]
    requests = sum(customer.replies.values())
    verdict.figures["requests at the receiver"] = requests
    verdict.figures["repeated under the same id"] = requests - len(customer.told)


def overtaken(customer: Customer, ordered: set[str]) -> Iterator[str]:
    """Events that came before an earlier one of the same object was taken, of those addresses."""
    earlier: dict[tuple[str, str], str] = {}
    for webhook_id in sorted(customer.told, key=customer.events.__getitem__):
        for key in {(one.address, one.object_id) for one in customer.told[webhook_id]}:
            if key[0] not in ordered:
                continue
            before = earlier.get(key)
            if before and customer.taken.get(before, LATE) >= customer.heard[webhook_id]:
                yield f"{webhook_id} of {key} came before {before} was taken"
            earlier[key] = webhook_id


def _in_order(customer: Customer) -> dict[str, dict[str, list[Told]]]:
    """{address: {message id: what arrived of it, in the order of the events}}."""
    found: dict[str, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for webhook_id in sorted(customer.told, key=customer.events.__getitem__):
        if webhook_id in customer.arrived:
            for one in customer.told[webhook_id]:
                found[one.address][one.object_id].append(one)
    return found


def _gaps() -> dict[str, list[Gap]]:
    found: dict[str, list[Gap]] = defaultdict(list)
    runs = PollRun.objects.filter(outcome=PollOutcome.RECOVERED)
    for address, receipt in runs.values_list("resource__instance__name", "receipt"):
        assert receipt is not None, "each gap that was recovered has a receipt"
        found[address].append(Gap(int(receipt["cursor"]), int(receipt["resumedAt"])))
    return found


# --- Cursors -------------------------------------------------------------------------------------

KEEP_CURSORS = """
CREATE TABLE proof_cursor (id bigserial PRIMARY KEY, resource_id bigint, cursor text);
CREATE FUNCTION proof_keep_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO proof_cursor (resource_id, cursor) VALUES (NEW.id, NEW.cursor);
    RETURN NULL;
END $$;
CREATE TRIGGER proof_keep_cursor AFTER UPDATE OF cursor ON polling_pollingresource
    FOR EACH ROW WHEN (OLD.cursor IS DISTINCT FROM NEW.cursor)
    EXECUTE FUNCTION proof_keep_cursor();
"""
FORGET_CURSORS = """
DROP TRIGGER IF EXISTS proof_keep_cursor ON polling_pollingresource;
DROP FUNCTION IF EXISTS proof_keep_cursor;
DROP TABLE IF EXISTS proof_cursor;
"""


def keep_cursors() -> None:
    """From now on the database itself writes down each value that a cursor takes."""
    _execute(FORGET_CURSORS + KEEP_CURSORS)


def forget_cursors() -> None:
    _execute(FORGET_CURSORS)


def _execute(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


def _cursors(verdict: Verdict) -> None:
    """Only here are history ids compared: the sandbox's are numbers that grow."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT resource_id, cursor FROM proof_cursor ORDER BY id")
        kept = cursor.fetchall()
    values: dict[int, list[int]] = defaultdict(list)
    for resource, value in kept:
        if value is None:
            verdict.moved_back.append(f"the cursor of resource {resource} was forgotten")
        else:
            values[resource].append(int(value))
    for resource, moves in values.items():
        verdict.moved_back += [
            f"resource {resource}: {before} -> {after}"
            for before, after in pairwise(moves)
            if after <= before
        ]
    runs = PollRun.objects.exclude(cursor_before="").order_by("resource", "pk")
    last: dict[int, int] = {}
    for resource, before, after in runs.values_list("resource", "cursor_before", "cursor_after"):
        if not last.get(resource, 0) <= int(before) <= int(after):
            verdict.moved_back.append(f"a run of resource {resource}: {before} -> {after}")
        last[resource] = int(after)
    verdict.figures["moves of cursors"] = len(kept)
    for resource in PollingResource.objects.all():
        moves = values[resource.pk]
        if moves and resource.cursor != str(moves[-1]):
            verdict.moved_back.append(f"resource {resource.pk} stands at {resource.cursor}")
