"""Pays for the requests of one account, or says how long there is nothing to pay them with.

A project is an application at the provider: a client id with its secret. What is counted for it
is counted for all whose instances have both, and for nobody who merely names its client id.
"""

from __future__ import annotations

import asyncio
import os
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async

from config.gathering import Gathering
from elements.application import application_of
from elements.types import Element
from quota.bucket import Used, used
from quota.models import QuotaBucket
from quota.purse import Payer, Payment, Purse
from transport.errors import ProviderError
from transport.types import Quota

SHARE_OF_BULK = 0.5  # of the limits: the rest is left to polls and calls
PAUSE = 5.0  # seconds, when a provider that refuses does not say for how long

purse = Purse()
os.register_at_fork(after_in_child=lambda: purse.empty())


_zone = lru_cache(maxsize=16)(ZoneInfo)


GATHERING = 0.005  # seconds that draws are gathered before the buckets are asked for all of them
MAX_DRAWS = 500  # in one statement

# Draws belong to an event loop, as their callers do; a web process has several, and they end.
_draws_of: WeakKeyDictionary[asyncio.AbstractEventLoop, Gathering[Payment, float]] = (
    WeakKeyDictionary()
)


def _draws() -> Gathering[Payment, float]:
    loop = asyncio.get_running_loop()
    draws = _draws_of.get(loop)
    if draws is None:
        draws = _draws_of[loop] = Gathering(
            sync_to_async(lambda payments: purse.draw_many(payments)),
            pause=GATHERING,
            most=MAX_DRAWS,
        )
    return draws


class Subject(NamedTuple):
    """Whose account it is, as instance and credential say. `application` and `account` are digests;
    either may be empty."""

    organization_id: int
    instance_id: int
    application: str
    account: str


class AccountMeter:
    """As transport.types.Meter. `used` counts the units that it has paid."""

    __slots__ = ("_payer", "used")

    def __init__(self, payer: Payer) -> None:
        self._payer = payer
        self.used = 0

    def day(self, at: datetime) -> date:
        """The provider's day."""
        return at.astimezone(_zone(self._payer.quota.day_zone)).date()

    def take(self, units: int, ahead: int) -> float | None:
        wait = purse.take(self._payer, units)
        if wait == 0:
            self.used += units
        return wait

    def draw(self, units: int, ahead: int) -> float:
        wait = purse.draw(self._payer, units, ahead)
        if wait == 0:
            self.used += units
        return wait

    async def adraw(self, units: int, ahead: int) -> float:
        wait = await _draws().ask(Payment(self._payer, units, ahead))
        if wait == 0:
            self.used += units
        return wait

    def refused(self, error: ProviderError) -> None:
        of_project = error.reason in self._payer.quota.project_reasons
        pause = PAUSE if error.retry_after is None else error.retry_after
        purse.close(self._payer, pause, project=of_project)

    async def arefused(self, error: ProviderError) -> None:
        await sync_to_async(self.refused)(error)


def meter_of(
    element: Element, subject: Subject, *, share: float = 1.0, polls: bool = False
) -> AccountMeter | None:
    """None for an element whose provider counts nothing."""
    if element.quota is None:
        return None
    return AccountMeter(payer(element.quota, whose_project(element), subject, share, polls=polls))


def payer(
    quota: Quota, whose: str, subject: Subject, share: float = 1.0, *, polls: bool = False
) -> Payer:
    """`whose` is the element's `whose_project`."""
    return Payer(
        quota,
        _project(quota, whose, subject),
        f"{quota.name} account {subject.account or subject.instance_id}",
        share,
        polls,
    )


def whose_project(element: Element) -> str:
    """Whose project it is when an instance names none: the platform's, where it has one."""
    return "platform" if application_of(element) is not None else ""


def _project(quota: Quota, whose: str, subject: Subject) -> str:
    project = subject.application or whose or f"organization {subject.organization_id}"
    return f"{quota.name} project {project}"


def account_used(quota: Quota, subject: Subject, whose: str) -> tuple[Used, Used]:
    """What is drawn of the account's bucket, and of its project's."""
    of = payer(quota, whose, subject)
    both = used([of.account, of.project], quota.day_zone)
    return both[of.account], both[of.project]


def busiest_projects(quota: Quota, most: int) -> list[tuple[str, Used]]:
    """Those that have used most in the provider's day, by the names of their buckets."""
    subjects = QuotaBucket.objects.filter(subject__startswith=f"{quota.name} project ")
    busiest = list(subjects.order_by("-day", "-day_drawn").values_list("pk", flat=True)[:most])
    found = used(busiest, quota.day_zone)
    return [(subject, found[subject]) for subject in busiest]
