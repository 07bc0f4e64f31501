"""The one word that says how an instance is, and why: for pages, lists, the admin and the API.

Its account, its polling and its delivery each have a say, and the worst wins. What was stored with
the row is read from it; what time alone brings about is looked up when somebody asks, so that it is
true even where nothing runs any more that could write it down. A room above adds what it knows: it
registers a source that looks at many instances with one query.

Rule: `status_of`, `with_status` and `with_problem` say the same of a row, so that a list that is
filtered by a status shows that status on each of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from itertools import takewhile
from typing import NamedTuple, Protocol

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from encryption.fields import opens
from encryption.probe import lacks_key
from instances import expiring
from instances.models import Credential, CredentialState, ElementInstance
from instances.reason import Reason, refused


class Status(Enum):
    """The worst first. `label` is for people, `tone` a class of badges.

    "bad" stands still until somebody acts; "warn" goes on, or is retried.
    """

    LOST = "needs-reconnection", "needs reconnection", "bad"
    DISABLED = "disabled", "disabled", ""
    POLLING_OFF = "polling-off", "polling off", "bad"
    DELIVERY_OFF = "delivery-off", "delivery off", "bad"
    OVERDUE = "overdue", "overdue", "bad"
    POLLING_FAILING = "polling-failing", "polling failing", "warn"
    DELIVERY_FAILING = "delivery-failing", "delivery failing", "warn"
    ATTENTION = "needs-attention", "needs attention", "warn"
    CONNECTED = "connected", "connected", "good"

    label: str
    tone: str

    def __new__(cls, value: str, label: str, tone: str) -> Status:
        status = object.__new__(cls)
        status._value_ = value
        status.label = label
        status.tone = tone
        return status


class StatusReason(NamedTuple):
    """One thing that is wrong: the status it makes, a code for programs, a sentence for people."""

    status: Status
    code: str
    sentence: str


class Problem(NamedTuple):
    code: str
    sentence: str


class StatusNote(NamedTuple):
    """What a room above says of an instance."""

    reasons: tuple[StatusReason, ...] = ()
    watch: str = ""  # the status of its watch (watching.models); empty: it has none


NO_NOTE = StatusNote()
Notes = Mapping[int, StatusNote]  # by the instance's id
NO_NOTES: Notes = {}


class StatusSource(Protocol):
    """What a room above knows, of given instances and as conditions on rows: the same."""

    def notes(self, instances: Sequence[ElementInstance], now: datetime) -> Notes: ...

    def conditions(self, now: datetime) -> Mapping[Status, Q]: ...


ANY_PROBLEM = "problem"  # in a filter, for all that are not connected
_ORDER = {status: place for place, status in enumerate(Status)}
_ACCOUNTS = (Status.LOST, Status.OVERDUE, Status.ATTENTION)  # what `problem` tells of
_sources: list[StatusSource] = []


def register(source: StatusSource) -> None:
    if source not in _sources:
        _sources.append(source)


def notes_of(instances: Iterable[ElementInstance]) -> Notes:
    """Return what the rooms above know of these, by a query each."""
    now = timezone.now()
    shown = list(instances)
    found: dict[int, StatusNote] = {}
    for source in _sources:
        found.update(source.notes(shown, now))
    return found


def status_of(instance: ElementInstance, notes: Notes) -> Status:
    """Return the worst of all that is wrong. Reads `credential` of the row."""
    return next((one.status for one in reasons_of(instance, notes)), Status.CONNECTED)


def reasons_of(instance: ElementInstance, notes: Notes) -> list[StatusReason]:
    """Return all that is wrong, the worst first. Reads `credential` of the row."""
    found = [*_of_account(instance), *notes.get(instance.pk, NO_NOTE).reasons]
    if not instance.enabled:
        sentence = "It is neither polled nor called."
        found.append(StatusReason(Status.DISABLED, Reason.DISABLED, sentence))
    return sorted(found, key=lambda one: _ORDER[one.status])


def problem_of(instance: ElementInstance, notes: Notes) -> Problem | None:
    """Return what is wrong with the account, and whether its polling has stalled; the code is of
    the worst. Reads `credential` of the row.
    """
    found = [one for one in reasons_of(instance, notes) if one.status in _ACCOUNTS]
    if not found:
        return None
    return Problem(found[0].code, " ".join(one.sentence for one in found))


def with_status(
    rows: QuerySet[ElementInstance], status: Status, now: datetime
) -> QuerySet[ElementInstance]:
    """Return those of the rows that `status_of` says this of."""
    conditions = _conditions(now)
    for worse in takewhile(lambda one: one is not status, Status):
        rows = rows.filter(~conditions[worse])
    if status is Status.CONNECTED:
        return rows
    if status is not Status.ATTENTION:
        return rows.filter(conditions[status])
    return _with_any(rows, _warnings(now))


def with_problem(rows: QuerySet[ElementInstance], now: datetime) -> QuerySet[ElementInstance]:
    """Return those of the rows that `status_of` says anything but CONNECTED of."""
    conditions = _conditions(now)
    del conditions[Status.ATTENTION]
    return _with_any(rows, [*conditions.values(), *_warnings(now)])


def _with_any(
    rows: QuerySet[ElementInstance], conditions: Sequence[Q]
) -> QuerySet[ElementInstance]:
    """Few among many: found first, by indexes of their own."""
    found = [rows.filter(one).order_by().values("pk") for one in conditions]
    return rows.filter(pk__in=found[0].union(*found[1:]))


def is_unopened(instance: ElementInstance) -> bool:
    """Return whether stored secrets of the instance cannot be opened. Reads `credential`."""
    credential = getattr(instance, "credential", None)
    return not opens(instance, "secrets") or (
        credential is not None and not opens(credential, "access_token", "refresh_token")
    )


# --- The account's say, of a row -----------------------------------------------------------------


def _of_account(instance: ElementInstance) -> list[StatusReason]:
    if not instance.valid:
        code = instance.reason_code or Reason.ENDED
        return [StatusReason(Status.LOST, code, instance.problem)]
    found = [*_unopened(instance), *_refused(instance), *_ending(instance)]
    if instance.problem:
        found.append(Problem(instance.reason_code, instance.problem))
    return [StatusReason(Status.ATTENTION, *one) for one in found]


def _unopened(instance: ElementInstance) -> list[Problem]:
    if not is_unopened(instance):
        return []
    sentence = (
        "Stored secrets of the instance cannot be opened: their encryption key is not in the "
        "platform's PERIODIC_ENCRYPTION_KEYS. Put it back, or give the secrets again and connect "
        "the account again."
    )
    return [Problem(Reason.SECRETS_UNREADABLE, sentence)]


def _refused(instance: ElementInstance) -> list[Problem]:
    credential = getattr(instance, "credential", None)
    if credential is None or not credential.refusal:
        return []
    return [Problem(Reason.RENEWAL_REFUSED, refused(credential.error))]


def _ending(instance: ElementInstance) -> list[Problem]:
    credential = getattr(instance, "credential", None)
    if credential is None or credential.state != CredentialState.OK or credential.ends_at is None:
        return []
    if not expiring.ends_soon(credential.ends_at, timezone.now()):
        return []
    return [Problem(Reason.EXPIRING, expiring.sentence(credential.ends_at))]


# --- The same, as conditions on rows -------------------------------------------------------------


def _conditions(now: datetime) -> dict[Status, Q]:
    conditions = {
        Status.LOST: Q(valid=False),
        Status.DISABLED: Q(enabled=False),
        Status.ATTENTION: Q(*_warnings(now), _connector=Q.OR),
    }
    for source in _sources:
        conditions.update(source.conditions(now))
    return conditions


def _warnings(now: datetime) -> list[Q]:
    soon = now + expiring.warned_ahead()
    sealed = lacks_key("access_token") | lacks_key("refresh_token")
    return [
        ~Q(problem=""),
        lacks_key("secrets"),
        _of_grant(sealed),
        _of_grant(~Q(refusal="")),
        _of_grant(Q(state=CredentialState.OK, ends_at__isnull=False, ends_at__lte=soon)),
    ]


def _of_grant(condition: Q) -> Q:
    return Q(Exists(Credential.objects.filter(condition, instance=OuterRef("pk"))))
