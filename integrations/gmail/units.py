"""What Gmail charges for each method, in quota units, and how many there are, by the generation of
the Google project.

Google raised several prices on 1 May 2026 for projects created from then on; projects active
between November 2025 and April 2026 keep the old ones for now.
https://developers.google.com/workspace/gmail/api/reference/quota
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from transport.types import Bucket, Quota

VARIABLE = "GMAIL_QUOTA_GENERATION"
NEWEST = "2026-05"
# Limits that Google has granted a project instead of the usual ones, in units.
OF_MAILBOX_MINUTE = "GMAIL_UNITS_PER_USER_MINUTE"
OF_PROJECT_MINUTE = "GMAIL_UNITS_PER_PROJECT_MINUTE"
OF_PROJECT_DAY = "GMAIL_UNITS_PER_PROJECT_DAY"


@dataclass(frozen=True, slots=True)
class Generation:
    """`costs` in units a call; the limits in units. A day's of 0 is none."""

    costs: Mapping[str, int]
    per_user_minute: int
    per_project_minute: int
    per_project_day: int = 0


_COSTS_2025_11: Mapping[str, int] = {
    "getProfile": 1,
    "history.list": 2,
    "labels.list": 1, "labels.get": 1,
    "labels.create": 5, "labels.update": 5, "labels.patch": 5, "labels.delete": 5,
    "messages.list": 5, "messages.get": 5, "messages.attachments.get": 5,
    "messages.send": 100, "messages.modify": 5, "messages.trash": 5, "messages.untrash": 5,
    "messages.delete": 10,
    "threads.list": 10, "threads.get": 10,
    "threads.modify": 10, "threads.trash": 10, "threads.untrash": 10, "threads.delete": 20,
    "drafts.list": 5, "drafts.get": 5, "drafts.create": 10, "drafts.update": 15,
    "drafts.delete": 10, "drafts.send": 100,
    "settings.getVacation": 1, "settings.updateVacation": 5,
    "settings.getAutoForwarding": 1, "settings.updateAutoForwarding": 5,
    "settings.getImap": 1, "settings.updateImap": 5,
    "settings.getPop": 1, "settings.updatePop": 100,
    "settings.filters.list": 1, "settings.filters.get": 1,
    "settings.filters.create": 5, "settings.filters.delete": 5,
    "settings.forwardingAddresses.list": 1, "settings.forwardingAddresses.get": 1,
    "settings.forwardingAddresses.create": 100, "settings.forwardingAddresses.delete": 5,
    "settings.sendAs.list": 1, "settings.sendAs.get": 1,
    "settings.sendAs.patch": 100, "settings.sendAs.update": 100,
    "watch": 100, "stop": 50,
}  # fmt: skip

GENERATIONS: Mapping[str, Generation] = {
    "2025-11": Generation(_COSTS_2025_11, per_user_minute=15_000, per_project_minute=1_200_000),
    "2026-05": Generation(
        {
            **_COSTS_2025_11,
            "messages.get": 20,
            "messages.attachments.get": 20,
            "threads.get": 40,
        },
        per_user_minute=6_000,
        per_project_minute=1_200_000,
        per_project_day=80_000_000,
    ),
}


def generation_of(name: str) -> Generation:
    """Raises ValueError, naming the variable and the generations there are."""
    try:
        return GENERATIONS[name]
    except KeyError:
        raise ValueError(
            f"{VARIABLE} must be one of {', '.join(sorted(GENERATIONS))}, not {name!r}"
        ) from None


def quota_of(generation: Generation, environment: Mapping[str, str]) -> Quota:
    """The generation's limits, those in the environment in their place. Raises ValueError."""
    return Quota(
        "gmail",
        account=Bucket(_limit(environment, OF_MAILBOX_MINUTE, generation.per_user_minute)),
        project=Bucket(
            _limit(environment, OF_PROJECT_MINUTE, generation.per_project_minute),
            _limit(environment, OF_PROJECT_DAY, generation.per_project_day),
        ),
        day_zone="America/Los_Angeles",  # "daily quotas reset at midnight Pacific Time"
        # Not rateLimitExceeded: Google says that of a mailbox, too ("too many concurrent requests
        # for user"), and one mailbox must not stop all others.
        # https://developers.google.com/workspace/gmail/api/guides/handle-errors
        project_reasons=frozenset({"dailyLimitExceeded"}),
    )


def _limit(environment: Mapping[str, str], variable: str, usual: int) -> int:
    text = environment.get(variable, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**11):
        raise ValueError(f"{variable} must be a number of units, not {text!r}")
    return int(text)


GENERATION = generation_of(os.environ.get(VARIABLE) or NEWEST)
UNITS = GENERATION.costs
QUOTA = quota_of(GENERATION, os.environ)
