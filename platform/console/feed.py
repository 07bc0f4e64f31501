"""Everything that happened in an organization, newest first, of several tables in one list.

Rule 1: each table is asked for one page's rows below the place where the page begins, by an index
that has its rows in this order; what is merged is never more than that.
Rule 2: of other accounts nothing is seen, and of persons as much as the API's lists of users would
show: see `_within_reach`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.api.authority import Authority
from accounts.models import User
from accounts.roles import Rank
from audit.models import Action, AuditEntry
from console.place import BEGINNING, Place
from events.models import Delivery, DeliveryStatus, Event
from instances.models import ElementInstance
from polling.models import PollOutcome, PollRun

SIGNING_IN = (Action.SIGNED_IN, Action.SIGN_IN_STOPPED)
# Not about persons: for everybody in the account that the subject belongs to.
OF_ACCOUNT = ("instance", "element", "event", "subscription")
KINDS = {
    "events": "Events",
    "failures": "Failed deliveries",
    "polls": "Failed polls",
    "changes": "Changes by people",
    "sign-ins": "Sign-ins",
}

# The failed runs of each resource by its own index: an organization has no index of runs.
FAILED_RUNS = """
SELECT run.id FROM polling_pollingresource resource
 CROSS JOIN LATERAL (
    SELECT id, started_at FROM polling_pollrun
     WHERE resource_id = resource.id AND outcome = 'failed' AND started_at <= %(until)s
       AND started_at >= %(since)s
     ORDER BY started_at DESC, id DESC LIMIT %(most)s
 ) run
 WHERE resource.organization_id = %(organization)s
   AND (%(account)s::bigint IS NULL OR resource.instance_id IN (
        SELECT i.id FROM instances_elementinstance i JOIN accounts_user u ON u.id = i.user_id
         WHERE u.account_id = %(account)s))
   AND (%(instances)s::bigint[] IS NULL OR resource.instance_id = ANY(%(instances)s))
 ORDER BY run.started_at DESC, run.id DESC LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Happening:
    place: Place
    kind: str  # of KINDS
    row: Any


@dataclass(frozen=True, slots=True)
class Asked:
    """What to show: of some kinds, instances, a person, a time; None and empty are all."""

    kinds: Sequence[str] = tuple(KINDS)
    instances: Sequence[int] | None = None
    person: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    below: Place | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    happenings: list[Happening]
    more: Place | None  # where the next page begins
    people: dict[int, str]  # the names that may be told
    instances: set[int]  # that entries name, and that are still there


def read(authority: Authority, asked: Asked, most: int) -> Feed:
    """The newest that happened, `most` of it at most. A fixed number of queries."""
    tables: dict[str, Callable[[], Iterable[Happening]]] = {
        "events": lambda: _events(authority, asked, most + 1),
        "failures": lambda: _failures(authority, asked, most + 1),
        "polls": lambda: _polls(authority, asked, most + 1),
        "changes": lambda: _people(authority, asked, most + 1),
    }
    wanted = {"changes" if kind == "sign-ins" else kind for kind in asked.kinds}
    if asked.person is not None:
        wanted &= {"changes"}
    found = [read_table() for kind, read_table in tables.items() if kind in wanted]
    merged = heapq.merge(*found, key=lambda one: one.place, reverse=True)
    shown = [one for one, _ in zip(merged, range(most + 1), strict=False)]
    more = shown[most - 1].place if len(shown) > most else None
    shown = shown[:most]
    entries = [one.row for one in shown if isinstance(one.row, AuditEntry)]
    return Feed(shown, more, _names(authority, entries), _still_there(authority, entries))


# --- The tables, in the order of Place.table -----------------------------------------------------


def _events(authority: Authority, asked: Asked, most: int) -> list[Happening]:
    rows = authority.reach.rows_of_instances(Event)
    if asked.instances is not None:
        rows = rows.filter(instance__in=asked.instances)
    rows = rows.select_related("instance").defer("body", "instance__configuration")
    return _taken(rows, asked, "created_at", 0, "events", most)


def _failures(authority: Authority, asked: Asked, most: int) -> list[Happening]:
    rows = authority.reach.rows(Delivery).filter(
        status__in=[DeliveryStatus.RETRY, DeliveryStatus.QUEUED, DeliveryStatus.FAILED],
        failures__gt=0,
    )
    if asked.instances is not None:
        rows = rows.filter(event__instance__in=asked.instances)
    rows = rows.select_related("event__instance").defer("event__body")
    return _taken(rows, asked, "created_at", 1, "failures", most)


def _polls(authority: Authority, asked: Asked, most: int) -> list[Happening]:
    until = min([one for one in (asked.until, _place(asked)) if one], default=LATEST)
    found = PollRun.objects.raw(
        FAILED_RUNS,
        {
            "organization": authority.organization.pk,
            "account": authority.reach.account_id,
            "instances": None if asked.instances is None else list(asked.instances),
            "until": until,
            "since": asked.since or BEGINNING,
            "most": most + SAME_MOMENT,
        },
    )
    rows = PollRun.objects.filter(pk__in=[run.pk for run in found], outcome=PollOutcome.FAILED)
    rows = rows.select_related("resource__instance")
    return _taken(rows, asked, "started_at", 2, "polls", most)


def _people(authority: Authority, asked: Asked, most: int) -> list[Happening]:
    rows = AuditEntry.objects.filter(organization_id=authority.organization.pk)
    rows = _within_reach(authority, rows)
    if "sign-ins" not in asked.kinds:
        rows = rows.exclude(action__in=SIGNING_IN)
    elif "changes" not in asked.kinds:
        rows = rows.filter(action__in=SIGNING_IN)
    if asked.instances is not None:
        rows = rows.filter(instance_id__in=asked.instances)
    if asked.person is not None:
        rows = rows.filter(user_id=asked.person)
    happenings = _taken(rows, asked, "at", 3, "changes", most)
    return [
        Happening(one.place, "sign-ins" if one.row.action in SIGNING_IN else "changes", one.row)
        for one in happenings
    ]


SAME_MOMENT = 20  # rows of the very moment that a page begins at, shown before
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def _place(asked: Asked) -> datetime | None:
    return asked.below.at if asked.below is not None else None


def _taken(
    rows: QuerySet[Any], asked: Asked, column: str, table: int, kind: str, most: int
) -> list[Happening]:
    """The newest rows below the place, in their order."""
    if asked.since is not None:
        rows = rows.filter(**{f"{column}__gte": asked.since})
    if asked.until is not None:
        rows = rows.filter(**{f"{column}__lt": asked.until})
    if (place := asked.below) is not None:
        rows = rows.filter(**{f"{column}__lte": place.at})
        if table == place.table:
            rows = rows.exclude(Q(**{column: place.at}) & Q(pk__gte=place.id))
        elif table > place.table:
            rows = rows.exclude(**{column: place.at})
    return [
        Happening(Place(getattr(row, column), table, row.pk), kind, row)
        for row in rows.order_by(f"-{column}", "-pk")[:most]
    ]


# --- Persons -------------------------------------------------------------------------------------


def _within_reach(authority: Authority, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """Return the entries that somebody may see; an administrator of the organization sees all.

    Others see what they did themselves, what was done with what belongs to their account, and of
    persons what those did, or was done to those, whom the own word reaches. An instance that is
    still there belongs to its present account, whatever else to the one that the entry names.
    """
    if authority.rank >= Rank.ORGANIZATION:
        return rows
    own = authority.reach.account_id
    instances = authority.reach.rows(ElementInstance).values("pk")
    there = ElementInstance.objects.filter(pk=OuterRef("instance_id"))
    reached = list(people_within(authority).values_list("pk", flat=True))
    of_account = Q(subject_kind__in=OF_ACCOUNT)
    of_person = Q(subject_kind="user", subject_id__in=reached) | Q(user_id__in=reached) & (
        Q(account_id=None) | Q(account_id=own)
    )
    return rows.filter(
        Q(user_id=authority.user.pk)
        | Q(instance_id__in=instances)
        | of_account & Q(account_id=own) & ~Exists(there)
        | ~of_account & of_person
    )


def people_within(authority: Authority) -> QuerySet[User]:
    """The users that the own word reaches."""
    if authority.rank >= Rank.ACCOUNT:
        return authority.users()
    return authority.users().filter(pk=authority.user.pk)


def _names(authority: Authority, entries: Sequence[AuditEntry]) -> dict[int, str]:
    """The addresses of those users whom the entries name and the own word reaches."""
    named = [one.user_id for one in entries]
    named += [one.subject_id for one in entries if one.subject_kind == "user"]
    ids = {one for one in named if one is not None}
    if not ids:
        return {}
    found = people_within(authority).prefetch_related(None).select_related(None)
    return dict(found.filter(pk__in=ids).values_list("pk", "username"))


def _still_there(authority: Authority, entries: Sequence[AuditEntry]) -> set[int]:
    ids = {one.instance_id for one in entries if one.instance_id is not None}
    found = authority.reach.rows(ElementInstance).filter(pk__in=ids)
    return set(found.values_list("pk", flat=True)) if ids else set()
