"""Quota units: what each call costs, and how many a user and a project have in a minute or a day.

Google changed both on 1 May 2026; which table holds depends on when the project was created, so
the tables are data. Units that the announcement doesn't name are those of the table before it.
Source: https://developers.google.com/workspace/gmail/api/reference/quota
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from .errors import ApiError

PACIFIC = ZoneInfo("America/Los_Angeles")


@dataclass(frozen=True)
class Generation:
    """The quota of projects of one age."""

    costs: Mapping[str, int]  # units, by method id without "gmail.users."
    per_user_per_minute: int  # units
    per_project_per_minute: int  # units
    per_project_per_day: int | None = None  # units


_COMMON = {
    "getProfile": 1, "labels.list": 1, "labels.get": 1, "history.list": 2, "messages.list": 5,
    "messages.modify": 5, "messages.trash": 5, "messages.untrash": 5, "messages.delete": 10,
    "messages.batchModify": 50, "messages.insert": 25, "messages.import": 25,
    "messages.send": 100, "threads.list": 10, "threads.modify": 10, "threads.trash": 10,
    "threads.untrash": 10, "threads.delete": 20, "watch": 100, "stop": 50,
    "labels.create": 5, "labels.update": 5, "labels.patch": 5, "labels.delete": 5,
    "drafts.list": 5, "drafts.get": 5, "drafts.create": 10, "drafts.update": 15,
    "drafts.delete": 10, "drafts.send": 100,
    "settings.getVacation": 1, "settings.updateVacation": 5,
    "settings.getAutoForwarding": 1, "settings.updateAutoForwarding": 5,
    "settings.getImap": 1, "settings.updateImap": 5,
    "settings.getPop": 1, "settings.updatePop": 100,
    "settings.filters.list": 1, "settings.filters.get": 1, "settings.filters.create": 5,
    "settings.filters.delete": 5,
    "settings.forwardingAddresses.list": 1, "settings.forwardingAddresses.get": 1,
    "settings.forwardingAddresses.create": 100, "settings.forwardingAddresses.delete": 5,
    "settings.sendAs.list": 1, "settings.sendAs.get": 1, "settings.sendAs.patch": 100,
    "settings.sendAs.update": 100,
}  # fmt: skip
GENERATIONS: Mapping[str, Generation] = {
    # Projects created on or after 2026-05-01.
    "2026-05": Generation(
        {**_COMMON, "messages.get": 20, "messages.attachments.get": 20, "threads.get": 40},
        per_user_per_minute=6_000,
        per_project_per_minute=1_200_000,
        per_project_per_day=80_000_000,
    ),
    # Projects that were active between November 2025 and April 2026.
    "2025-11": Generation(
        {**_COMMON, "messages.get": 5, "messages.attachments.get": 5, "threads.get": 10},
        per_user_per_minute=15_000,
        per_project_per_minute=1_200_000,
    ),
}
DEFAULT_GENERATION = "2026-05"


@dataclass
class Quota:
    """Counts always; refuses only when `enforced`. Counters live in memory."""

    generation: str = DEFAULT_GENERATION
    enforced: bool = False
    refusal: int = 403  # or 429: Google has used both
    per_user_per_minute: int | None = None  # instead of the generation's
    per_project_per_minute: int | None = None
    per_project_per_day: int | None = None
    minute: int = 0
    day: date = date.min  # Google's begins at midnight Pacific time
    by_user: Counter[str] = field(default_factory=Counter)  # units of this minute
    by_project: Counter[str] = field(default_factory=Counter)
    by_project_and_day: Counter[str] = field(default_factory=Counter)
    refused: int = 0  # calls since the start
    calls: Counter[str] = field(default_factory=Counter)  # calls since the start, by method
    units: Counter[str] = field(default_factory=Counter)  # units since the start, by user

    def charge(self, method: str, user: str, project: str, now: float) -> None:
        """Count a call. `project` is a client id, `now` in seconds.

        Raises ApiError when the user or the project is out of units.
        """
        generation = GENERATIONS[self.generation]
        minute = int(now // 60)
        if minute != self.minute:
            self.minute = minute
            self.by_user.clear()
            self.by_project.clear()
        day = datetime.fromtimestamp(now, PACIFIC).date()
        if day != self.day:
            self.day = day
            self.by_project_and_day.clear()
        cost = generation.costs[method]
        self.calls[method] += 1
        if self.enforced:
            own = self.per_user_per_minute or generation.per_user_per_minute
            shared = self.per_project_per_minute or generation.per_project_per_minute
            if self.by_user[user] + cost > own:
                raise self._refusal("userRateLimitExceeded", "User-rate limit exceeded.")
            if self.by_project[project] + cost > shared:
                raise self._refusal("rateLimitExceeded", "Rate Limit Exceeded.")
            daily = self.per_project_per_day or generation.per_project_per_day
            if daily is not None and self.by_project_and_day[project] + cost > daily:
                raise self._refusal("dailyLimitExceeded", "Daily Limit Exceeded.")
        self.by_user[user] += cost
        self.by_project[project] += cost
        self.by_project_and_day[project] += cost
        self.units[user] += cost

    def _refusal(self, reason: str, message: str) -> ApiError:
        self.refused += 1
        again = datetime.fromtimestamp((self.minute + 1) * 60, UTC)
        return ApiError(
            self.refusal, f"{message}  Retry after {again:%Y-%m-%dT%H:%M:%S.000Z}", reason,
            status="RESOURCE_EXHAUSTED",
        )  # fmt: skip
