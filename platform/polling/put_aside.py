"""Objects known to have changed whose record is still to be fetched.

Rule 1: nothing is given up. An object leaves its row when it was fetched, turned out to be gone
or unchanged, or was found deleted; else it is tried again, with a growing pause.
Rule 2: what was CREATED when it was put aside stays so until it is told, unless it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, Min, Q, When
from django.db.models.functions import Random

from elements.calls import Changes, ChangeType, Unfetched
from polling.due import after_put_aside, after_put_off
from polling.models import PutAsideObject

MOST_ASKED = 200  # put-aside objects that one poll is asked for
NOT_FETCHED = "the poll neither fetched it nor said why"
FIELDS = ["change_type", "attempts", "error", "next_try_at"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is put aside for a resource: how many objects, the earliest try, whether some are due
    that nothing but their turn keeps waiting."""

    count: int
    due_at: datetime | None
    due_now: bool


def due_put_aside(resource_id: int, now: datetime) -> tuple[Unfetched, ...]:
    """The objects whose fetch is due, those waiting longest first.

    What failed together is due together, and a feed asks for no more when all of its first
    requests fail: in an order that stayed the same, those behind would never be asked for.
    """
    in_turn = Case(When(attempts=0, then="id")).asc(nulls_last=True)
    rows = (
        PutAsideObject.objects.filter(resource_id=resource_id, next_try_at__lte=now)
        .order_by("next_try_at", in_turn, Random())
        .values_list("object_id", "change_type", "error")[:MOST_ASKED]
    )
    return tuple(Unfetched(id_, ChangeType(type_), error) for id_, type_, error in rows)


def discard(resource_id: int) -> None:
    """Lets go of all that waits: polling begins anew."""
    PutAsideObject.objects.filter(resource_id=resource_id).delete()


NOTHING = Waiting(0, None, due_now=False)


def waiting(resource_id: int, now: datetime) -> Waiting:
    figures = PutAsideObject.objects.filter(resource_id=resource_id).aggregate(
        count=Count("id"),
        due_at=Min("next_try_at"),
        due=Count("id", filter=Q(attempts=0, next_try_at__lte=now)),
    )
    return Waiting(figures["count"], figures["due_at"], bool(figures["due"]))


class PutAside:
    """The rows that concern one poll, read at once and written at once.

    Where `any_rows` is false the resource has none.
    """

    def __init__(
        self, resource_id: int, asked: Iterable[Unfetched], found: Changes, *, any_rows: bool = True
    ) -> None:
        self._resource_id = resource_id
        self._asked = {unfetched.object_id for unfetched in asked}
        self._found = found
        settled = {change.object_id for change in found.changes}
        self._settled = settled.union(found.missing, found.unchanged)
        mentioned = self._settled.union(self._asked, (one.object_id for one in found.unfetched))
        self._rows = (
            {
                row.object_id: row
                for row in PutAsideObject.objects.filter(
                    resource_id=resource_id, object_id__in=mentioned
                )
            }
            if mentioned and any_rows
            else {}
        )

    @property
    def created(self) -> set[str]:
        """The ids of those that were new when they were put aside."""
        return {id_ for id_, row in self._rows.items() if row.change_type == ChangeType.CREATED}

    @property
    def gained(self) -> int:
        """By how many more objects wait once this is stored."""
        settled = sum(id_ in self._settled for id_ in self._rows)
        new = {one.object_id for one in self._found.unfetched} - self._settled - self._rows.keys()
        return len(new) - settled

    def store(self, now: datetime, *, cut_short: bool = False) -> int:
        """Deletes the rows that are settled, writes the others; how many are new.

        What a poll that was `cut_short` did not get to merely waits on.
        """
        if not (self._rows or self._found.unfetched):
            return 0
        settled = [row.pk for id_, row in self._rows.items() if id_ in self._settled]
        if settled:
            PutAsideObject.objects.filter(pk__in=settled).delete()
        stuck = not (cut_short or self._asked & self._settled)
        new: dict[str, PutAsideObject] = {}
        changed: dict[str, PutAsideObject] = {}
        for one in self._unfetched():
            if one.object_id in self._settled:
                continue
            row = self._rows.get(one.object_id) or new.get(one.object_id)
            if row is None:
                row = new[one.object_id] = PutAsideObject(
                    resource_id=self._resource_id,
                    object_id=one.object_id,
                    change_type=one.change_type,
                    next_try_at=now,
                )
            elif row.change_type not in {one.change_type, ChangeType.CREATED}:
                row.change_type = one.change_type
                changed[one.object_id] = row
            error = one.error
            if not error and one.retry_after is not None:
                row.next_try_at = after_put_off(one.retry_after, now)
                changed[one.object_id] = row
                continue
            if not error and stuck and one.object_id in self._asked:
                error = NOT_FETCHED
            if error:
                row.attempts += 1
                row.error = error
                row.next_try_at = after_put_aside(row.attempts, now, retry_after=one.retry_after)
                changed[one.object_id] = row
        PutAsideObject.objects.bulk_create(new.values(), batch_size=1000)
        PutAsideObject.objects.bulk_update(
            [row for id_, row in changed.items() if id_ not in new], FIELDS, batch_size=500
        )
        return len(new)

    def _unfetched(self) -> list[Unfetched]:
        """Those that the feed named, and those that it was asked for and forgot."""
        named = {one.object_id for one in self._found.unfetched}
        forgotten = self._asked - named - self._settled
        return [
            *self._found.unfetched,
            *(
                Unfetched(id_, ChangeType(self._rows[id_].change_type), NOT_FETCHED)
                for id_ in sorted(forgotten)
                if id_ in self._rows
            ),
        ]
