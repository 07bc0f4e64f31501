"""Errands: begun by a click, worked off by the worker one row after the other, told of at the end.

Rule 1: a deed and its place in the errand are one transaction. A worker that is killed at any
moment has done and counted each row once or not at all, and another goes on behind it.
Rule 2: two workers at one errand do no row twice: who finds its place moved leaves it.
Rule 3: a row to which it cannot be done is counted, says why, and holds up no other; one that the
database refuses is tried again for some turns, and so are rows that cannot even be looked for.
A database that cannot be used refuses none of them.
Rule 4: who asked must still be allowed to, at every turn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from django.contrib import messages
from django.db import InterfaceError, OperationalError
from django.db.models import F, Max
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts.models import User
from administration.deeds import DEEDS, Deed, Refused, outcome
from administration.models import Errand, ErrandStatus
from administration.selection import UnknownSelection, rows_of
from audit.actor import Actor, acting
from audit.models import Source
from config import clock
from config.given_postgres.unavailable import outage_of
from retention.remove import remove
from worker.loops import stopping, worked

BATCH = 100  # rows of one errand, then the next one has its turn
TRIES = 5  # turns that end at the same place before it is given up
FAILURES_TOLD = 20

log = structlog.get_logger()


class Overtaken(Exception):
    """Somebody else has done this row, or ended the errand."""


# --- Beginning and ending ------------------------------------------------------------------------


def begin(
    key: str, user: User, now: datetime, *, query: str = "", ids: Sequence[int] | None = None
) -> Errand:
    """An errand for the rows with these ids or, without any, for all that the query shows."""
    newest = DEEDS[key].model._default_manager.aggregate(newest=Max("pk"))["newest"]
    return Errand.objects.create(
        deed=key,
        asked_by=user,
        query=query,
        ids=None if ids is None else sorted(ids),
        until_id=newest or 0,
        total=None if ids is None else len(ids),
        created_at=now,
    )


def cancel(errand_id: int, now: datetime) -> bool:
    """What is done stays done. False when it has ended."""
    open_still = Errand.objects.filter(pk=errand_id, finished_at=None)
    return bool(open_still.update(status=ErrandStatus.CANCELLED, finished_at=now))


def remove_finished(before: datetime) -> int:
    return remove(Errand.objects.filter(finished_at__lt=before))


# --- Working -------------------------------------------------------------------------------------


def run_until(deadline: float) -> bool:
    """Works until time.monotonic() reaches `deadline`; False when nothing is left to do."""
    while not stopping() and time.monotonic() < deadline:
        clock.keep()
        waited_longest = F("worked_at").asc(nulls_first=True)
        errand = Errand.objects.filter(finished_at=None).order_by(waited_longest, "pk").first()
        worked()
        if errand is None:
            return False
        # Before the work: one that raises each time goes behind the others all the same.
        begun = {"worked_at": timezone.now(), "tries": F("tries") + 1}
        Errand.objects.filter(pk=errand.pk).update(**begun)
        errand.tries += 1
        _work(errand)
    return True


def _work(errand: Errand) -> None:
    deed, user = DEEDS.get(errand.deed), errand.asked_by
    if deed is None or user is None or not _may(user, deed):
        _end(errand, ErrandStatus.STOPPED, "Who asked for it may not do it any more.")
        return
    try:
        ids = _next_ids(errand, deed, user)
    except UnknownSelection as error:
        _end(errand, ErrandStatus.STOPPED, f"The list does not take this query: {error}")
        return
    except Exception as error:
        if errand.tries < TRIES or outage_of(error):
            raise
        log.exception("errand.stopped", errand=errand.pk)
        _end(errand, ErrandStatus.STOPPED, f"Its rows could not be looked for: {_line(error)}")
        return
    if not ids:
        _end(errand, ErrandStatus.DONE)
    with acting(lambda: Actor(user.pk, Source.ADMIN)):
        for row_id in ids:
            if stopping() or not _do(errand, deed, row_id):
                return


def _may(user: User, deed: Deed) -> bool:
    return user.has_access and user.is_staff and user.has_perm(deed.permission)


def _next_ids(errand: Errand, deed: Deed, user: User) -> list[int]:
    if errand.ids is not None:
        return [one for one in errand.ids if one > errand.position][:BATCH]
    rows = rows_of(deed.model, errand.query, user).filter(pk__lte=errand.until_id)
    if errand.total is None:
        Errand.objects.filter(pk=errand.pk).update(total=rows.count())
    rest = rows.filter(pk__gt=errand.position).order_by("pk")
    return list(rest.values_list("pk", flat=True)[:BATCH])


def _do(errand: Errand, deed: Deed, row_id: int) -> bool:
    """Does it to one row. False when somebody else is at this errand."""
    now = timezone.now()
    count = partial(_count, errand, row_id, now)
    try:
        try:
            if not deed.do(row_id, partial(count, "changed"), now):
                count("unchanged")
        except Refused as error:
            count("failed", str(error))
        except Overtaken:
            raise
        except (OperationalError, InterfaceError) as error:
            if errand.tries < TRIES or outage_of(error):
                raise
            # Had it been done after all, its place would have moved, and nothing is counted.
            count("failed", f"the database refuses it: {_line(error)}")
        except Exception as error:
            if outage_of(error):
                raise
            log.exception("errand.failed", errand=errand.pk, row=row_id)
            count("failed", "an error of the platform's own; the log has it")
    except Overtaken:
        return False
    errand.position, errand.tries = row_id, 0
    return True


def _line(error: Exception) -> str:
    """What PostgreSQL says first; lines of its context follow."""
    return str(error).partition("\n")[0]


def _count(errand: Errand, row_id: int, now: datetime, as_what: str, reason: str = "") -> None:
    """Moves the errand behind the row. Raises Overtaken."""
    if reason and len(errand.failures) < FAILURES_TOLD:
        errand.failures.append({"id": row_id, "reason": reason})
    ours = Errand.objects.filter(pk=errand.pk, position=errand.position, finished_at=None)
    moved = ours.update(
        position=row_id,
        tries=0,
        failures=errand.failures,
        status=ErrandStatus.RUNNING,
        worked_at=now,
        **{as_what: F(as_what) + 1},
    )
    if not moved:
        raise Overtaken


def _end(errand: Errand, status: ErrandStatus, error: str = "") -> None:
    ours = Errand.objects.filter(pk=errand.pk, position=errand.position, finished_at=None)
    ours.update(status=status, error=error, finished_at=timezone.now())


# --- Telling -------------------------------------------------------------------------------------


def tell(request: HttpRequest) -> dict[str, object]:
    """unfold's GLOBAL_CALLBACK, called for each page: a message for each errand that has ended."""
    if not request.user.is_authenticated:
        return {}
    now = timezone.now()
    for errand in Errand.objects.filter(asked_by=request.user.pk, told_at=None).exclude(
        finished_at=None
    ):
        if Errand.objects.filter(pk=errand.pk, told_at=None).update(told_at=now):
            well = errand.status == ErrandStatus.DONE and not errand.failed
            messages.add_message(
                request, messages.SUCCESS if well else messages.WARNING, told(errand)
            )
    return {}


def told(errand: Errand) -> str:
    address = reverse("admin:administration_errand_change", args=[errand.pk])
    return format_html('{} <a href="{}">Look at it.</a>', sentence(errand), address)


def sentence(errand: Errand) -> str:
    """What came of it, for people."""
    deed = DEEDS.get(errand.deed)
    label = deed.label if deed else errand.deed
    ended = "" if errand.status == ErrandStatus.DONE else f" ({errand.get_status_display()})"
    return outcome(f"{label}{ended}", errand.changed, errand.unchanged, errand.failed)
