"""A made-up provider with a numbered log of changes (its server: tests/polling/ledger.py).

Its feed does what a real one does: cursor, fetches, put-aside objects, an expired cursor.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from elements.calls import Change, Changes, ChangeType, Gap, PollCall, Unfetched
from elements.types import ConfigurationField, Element, OAuth2, Resource, Setting
from transport.errors import ProviderError
from transport.types import KnownObjects, Request, Response, Steps

FETCHES_A_POLL = 5
POLLER = '{"entries": {"url": "/hubs/general/entries", "idField": "id"}}'


def changed_entries(call: PollCall) -> Steps[Changes]:
    if call.cursor is None:
        response = yield Request("GET", "/now")
        return Changes((), response.json()["cursor"])
    response = yield Request("GET", "/changes", {"since": call.cursor})
    if response.status == 404:
        return (yield from recovered(call))
    answer = response.object()
    wanted = {one.object_id: one.change_type for one in call.unfetched}
    deleted = []
    for line in answer["changes"]:
        if line["type"] == "DELETED":
            wanted.pop(line["id"], None)
            deleted.append(Change(line["id"], ChangeType.DELETED, {"id": line["id"]}, "gone"))
        elif wanted.get(line["id"]) is not ChangeType.CREATED:
            wanted[line["id"]] = ChangeType(line["type"])
    changes, unfetched, missing = yield from fetched(wanted)
    return Changes((*changes, *deleted), answer["cursor"], unfetched, missing)


def recovered(call: PollCall) -> Steps[Changes]:
    response = yield Request("GET", "/all")
    answer = response.object()
    assert call.caught_up_at is not None
    known = yield KnownObjects(tuple(answer["ids"]), since=call.caught_up_at)
    wanted = {
        id_: ChangeType.UPDATED if id_ in known else ChangeType.CREATED for id_ in answer["ids"]
    }
    changes, unfetched, missing = yield from fetched(wanted)
    gap = Gap(call.caught_up_at, call.started_at)
    return Changes(tuple(changes), answer["cursor"], unfetched, missing, gap=gap)


def fetched(
    wanted: dict[str, ChangeType],
) -> Steps[tuple[list[Change], tuple[Unfetched, ...], tuple[str, ...]]]:
    now, later = list(wanted)[:FETCHES_A_POLL], list(wanted)[FETCHES_A_POLL:]
    outcomes: list[Any] = []
    if now:
        outcomes = yield [Request("GET", f"/entries/{id_}") for id_ in now]
    changes, missing = [], []
    unfetched = [Unfetched(id_, wanted[id_]) for id_ in later]
    for id_, outcome in zip(now, outcomes, strict=True):
        if not isinstance(outcome, Response) or outcome.status not in (200, 404):
            error = (
                ProviderError.of(outcome.status, outcome.headers, outcome.body)
                if isinstance(outcome, Response)
                else outcome
            )
            unfetched.append(
                Unfetched(id_, wanted[id_], str(error), getattr(error, "retry_after", None))
            )
        elif outcome.status == 404:
            missing.append(id_)
        else:
            record = outcome.json()
            changes.append(
                Change(
                    id_,
                    wanted[id_],
                    {**record, "changeType": wanted[id_].value},
                    f"v{record['version']}",
                    datetime.fromtimestamp(record["at"], UTC),
                )
            )
    return changes, tuple(unfetched), tuple(missing)


ELEMENT = Element(
    id=900_001,
    key="ledger",
    name="Ledger",
    hub="general",
    description="A provider for tests",
    base_url=Setting("LEDGER_API_BASE_URL", "http://127.0.0.1:1"),
    authentication=OAuth2(
        authorization_url=Setting("LEDGER_AUTHORIZATION_URL", "http://127.0.0.1:1/auth"),
        token_url=Setting("LEDGER_TOKEN_URL", "http://127.0.0.1:1/token"),
        revoke_url=None,
        scopes=("entries",),
    ),
    resources=(
        Resource("entries", changes=changed_entries),
        Resource("drafts", changes=changed_entries),
        Resource("plain"),
    ),
    configuration=(ConfigurationField("event.poller.configuration", "Poller", default=POLLER),),
)
