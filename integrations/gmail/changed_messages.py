"""The change feed of a mailbox: every message that was added, labelled or deleted, once a poll.

Rule 1: no I/O, no clock, no database here. Requests are yielded, answers come back.
Rule 2: the cursor is a history id, opaque, and moves only past records that were read: if
        history.list fails, its error ends the poll, and the cursor moves to the last checkpoint.
Rule 3: whatever is known to have changed ends in exactly one place: `changes`, `unfetched`,
        `missing` or `unchanged`. Nothing is dropped, nothing is counted twice.
Rule 4: one change a message. Deleted for good is DELETED; added is CREATED, whatever else
        happened to it; anything else is UPDATED (the trash is a label). CREATED stays CREATED
        while it waits put aside.
Rule 5: one message that cannot be fetched blocks no other.

Theory of operation. history.list says which messages changed, oldest first; messages.get says how
each looks now. The record may therefore be newer than the history it was found by: the next poll
sees that change again, and the equal fingerprint gives it away. A window of thousands is not
fetched in one go: beyond FETCHES_A_POLL the rest is handed back as unfetched, with the cursor
moved on, and comes first in the next poll. Nor is a history of more than PAGES_A_POLL read in one
go. A checkpoint after each page and before each batch of fetches keeps what there is by then, so
that a mailbox moves however slow its provider. Deleted messages need no fetch. When the cursor has
expired, reconciliation.py compares the whole mailbox, in the polls that follow.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from elements.calls import Call, Change, Changes, ChangeType, Page, PollCall
from elements.errors import ParameterError
from integrations.gmail.beginning import begin
from integrations.gmail.history import (
    History,
    HistoryExpiredError,
    current_history_id,
    is_safe_id,
    read_history,
    read_one_page,
)
from integrations.gmail.messages import (
    FETCHES_A_POLL,
    Fetched,
    deleted_change,
    fetch_messages,
)
from integrations.gmail.reconciliation import begun, reconcile
from transport.errors import ProviderError, ProviderUnreachable, UnitsUsedUp
from transport.types import Checkpoint, KnownObjects, Steps

WHERE = re.compile(r"\s*[`'\"]?historyId[`'\"]?\s*>\s*(['\"]?)([0-9A-Za-z_-]+)\1\s*", re.IGNORECASE)


def changed_messages(call: PollCall) -> Steps[Changes]:
    """Answers one poll. The first, without a cursor, says where the history stands."""
    if call.cursor is None:
        return (yield from begin(call))
    try:
        history = yield from read_history(call.cursor, partial(_unfetched, call))
    except HistoryExpiredError:
        now = yield from current_history_id()
        history = History(history_id=now)
        call = replace(call, reconciliation=begun(call, now))
    fetched, untold = Fetched(), frozenset[str]()
    if history.sightings or call.unfetched:
        wanted = _wanted(call, history)
        untold = yield from _untold(call, wanted)
        so_far = partial(_found, call, history, untold=untold)
        fetched = yield from fetch_messages(wanted, call.configuration, so_far=so_far)
    found = _found(call, history, fetched, untold=untold)
    if (
        call.reconciliation is None
        or history.more
        or any(not one.error for one in fetched.unfetched)
    ):
        return found  # what is known to have changed comes first
    yield Checkpoint(found)
    return (yield from reconcile(call, found, call.reconciliation))


def _unfetched(call: PollCall, history: History) -> Changes:
    """What is found when no message is fetched any more."""
    wanted = _wanted(call, history)
    return _found(call, history, Fetched().without(wanted, wanted))


def _untold(call: PollCall, wanted: Mapping[str, ChangeType]) -> Steps[frozenset[str]]:
    """Those that seem to be updated and may yet be new to those who are told.

    A message that came in a gap may change before the reconciliation gets to it.
    """
    doubtful = [id_ for id_, kind in wanted.items() if kind is ChangeType.UPDATED]
    if call.reconciliation is None:
        aside = {waiting.object_id for waiting in call.unfetched}
        doubtful = [id_ for id_ in doubtful if id_ in aside]
    if not doubtful:
        return frozenset()
    known: Mapping[str, str] = yield KnownObjects(tuple(doubtful))
    return frozenset(doubtful) - known.keys()


def _as_new(change: Change, since: datetime | None) -> Change:
    """CREATED when it is dated in what is watched: nobody was told of it before."""
    if since is None or change.occurred_at is None or change.occurred_at < since:
        return change
    kind = ChangeType.CREATED
    return replace(change, change_type=kind, record={**change.record, "changeType": kind.value})


def _found(
    call: PollCall, history: History, fetched: Fetched, *, untold: Collection[str] = ()
) -> Changes:
    since = call.watched_since if call.reconciliation is None else call.reconciliation.since
    changes: dict[str, Change] = {}
    put_aside = (waiting.object_id for waiting in call.unfetched)
    for message_id in (*put_aside, *history.sightings):
        sighting = history.sightings.get(message_id)
        if sighting is not None and sighting.change_type is ChangeType.DELETED:
            changes[message_id] = deleted_change(message_id, sighting)
        elif message_id in fetched.changes:
            change = fetched.changes[message_id]
            changes[message_id] = _as_new(change, since) if message_id in untold else change
    return Changes(
        changes=tuple(changes.values()),
        cursor=history.history_id,
        unfetched=tuple(fetched.unfetched),
        missing=tuple(fetched.missing),
        more=history.more or call.reconciliation is not None,
        reconciliation=call.reconciliation,
    )


def _wanted(call: PollCall, history: History) -> dict[str, ChangeType]:
    """What to fetch, the put aside first, with history's later word on them merged in."""
    wanted = {waiting.object_id: waiting.change_type for waiting in call.unfetched}
    for message_id, sighting in history.sightings.items():
        if sighting.change_type is ChangeType.DELETED:
            wanted.pop(message_id, None)
        elif wanted.get(message_id) is not ChangeType.CREATED:
            wanted[message_id] = sighting.change_type
    return wanted


def list_changed_messages(call: Call) -> Steps[Page]:
    """A person's GET: the changes since the history id they name. No poller's cursor moves.

    Takes `historyId`, or `where=historyId>'…'`, or the next token of the page before; without
    any it answers an empty page whose next token says where the history stands now. Every record
    holds `nextHistoryId`. The next token is empty once nothing new was found.
    Raises ParameterError, and ProviderError: a 404 means that the history id has expired.
    """
    start = _start(call)
    if not start:
        now = yield from current_history_id()
        return Page([], next_token=now)
    try:
        history = yield from read_one_page(start, max(1, min(call.page_size, FETCHES_A_POLL)))
    except HistoryExpiredError:
        raise ProviderError(
            404, "error - {code=404, message=this historyId is unknown or has expired}"
        ) from None
    wanted = {
        message_id: sighting.change_type
        for message_id, sighting in history.sightings.items()
        if sighting.change_type is not ChangeType.DELETED
    }
    fetched = yield from fetch_messages(wanted, call.configuration)
    if fetched.unfetched and fetched.unfetched[0].retry_after is not None:
        raise UnitsUsedUp(fetched.unfetched[0].retry_after)
    if fetched.unfetched and not fetched.unfetched[0].error:
        raise ParameterError("pageSize", "the messages are too large for one page; ask for fewer")
    if fetched.unfetched:
        raise ProviderUnreachable(fetched.unfetched[0].error)
    records = []
    for message_id, sighting in history.sightings.items():
        change = fetched.changes.get(message_id)
        if sighting.change_type is ChangeType.DELETED:
            change = deleted_change(message_id, sighting)
        if change is not None:
            records.append({**change.record, "nextHistoryId": history.history_id})
    found = bool(history.sightings) or history.more
    return Page(records, next_token=history.history_id if found else "")


def _start(call: Call) -> str:
    if call.page_token:
        start = call.page_token
    elif where := call.query.get("where", "").strip():
        match = WHERE.fullmatch(where)
        if match is None:
            raise ParameterError("where", "changed-messages only takes historyId>'<a history id>'")
        start = match[2]
    else:
        start = call.query.get("historyId", "").strip()
    if start and not is_safe_id(start):
        raise ParameterError("historyId", "must be a history id as Gmail gives it: digits")
    return start
