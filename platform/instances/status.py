"""What is wrong with an instance at this moment, the gravest first.

What was stored with the row stands first; what time alone brings about is looked up when somebody
asks, so that it is true even where nothing runs any more that could write it down. A room above
adds what it knows: it registers a function that looks at many instances with one query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from encryption.fields import opens
from instances import expiring
from instances.models import ElementInstance
from instances.reason import Reason, refused


class Problem(NamedTuple):
    code: str
    sentence: str


class StatusNote(NamedTuple):
    """What a room above says of an instance."""

    problem: Problem | None = None
    watch: str = ""  # the status of its watch (watching.models); empty: it has none


NO_NOTE = StatusNote()
Notes = Mapping[int, StatusNote]  # by the instance's id
StatusSource = Callable[[Sequence[ElementInstance], datetime], Notes]
NO_NOTES: Notes = {}

_sources: list[StatusSource] = []


def register(source: StatusSource) -> None:
    """`source` is called with instances that are to be shown."""
    if source not in _sources:
        _sources.append(source)


def notes_of(instances: Iterable[ElementInstance]) -> Notes:
    """What the rooms above know of these, a query each."""
    now = timezone.now()
    shown = list(instances)
    found: dict[int, StatusNote] = {}
    for source in _sources:
        found.update(source(shown, now))
    return found


def problem_of(instance: ElementInstance, notes: Notes) -> Problem | None:
    """All that is wrong, with the code of the gravest. Reads `credential` of the row."""
    if not instance.valid:
        return Problem(instance.reason_code or Reason.ENDED, instance.problem)
    found: list[Problem] = []
    if (unopened := _unopened(instance)) is not None:
        found.append(unopened)
    if (refusal := _refused(instance)) is not None:
        found.append(refusal)
    if (ending := _ending(instance)) is not None:
        found.append(ending)
    if (seen := notes.get(instance.pk, NO_NOTE).problem) is not None:
        found.append(seen)
    if instance.problem:
        found.append(Problem(instance.reason_code, instance.problem))
    if not found:
        return None
    return Problem(found[0].code, " ".join(one.sentence for one in found))


def is_unopened(instance: ElementInstance) -> bool:
    """Return whether stored secrets of the instance cannot be opened. Reads `credential`."""
    credential = getattr(instance, "credential", None)
    return not opens(instance, "secrets") or (
        credential is not None and not opens(credential, "access_token", "refresh_token")
    )


def _unopened(instance: ElementInstance) -> Problem | None:
    if not is_unopened(instance):
        return None
    return Problem(
        Reason.SECRETS_UNREADABLE,
        "Stored secrets of the instance cannot be opened: their encryption key is not in the "
        "platform's PERIODIC_ENCRYPTION_KEYS. Put it back, or give the secrets again and connect "
        "the account again.",
    )


def _refused(instance: ElementInstance) -> Problem | None:
    credential = getattr(instance, "credential", None)
    if credential is None or not credential.refusal:
        return None
    return Problem(Reason.RENEWAL_REFUSED, refused(credential.error))


def _ending(instance: ElementInstance) -> Problem | None:
    credential = getattr(instance, "credential", None)
    ends_at = None if credential is None else credential.ends_at
    if ends_at is None or not expiring.ends_soon(ends_at, timezone.now()):
        return None
    return Problem(Reason.EXPIRING, expiring.sentence(ends_at))
