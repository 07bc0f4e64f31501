"""What this process holds of the buckets, and pays requests with.

Rule 1: whoever pays, pays the project and the account, both or none.
Rule 2: paying from what is at hand takes no query and waits for nobody. Only `draw` asks.
Rule 3: a block is used by this process alone, and not after its end. What is left of it then is
told with the next draw.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from quota import bucket
from quota.bucket import Drawn, Unused
from transport.types import Bucket, Quota

MOST_HELD = 10_000  # blocks that are kept when they have ended
MOST_DRAWS = 4  # for one request, when others are faster to use what was drawn for it
TRY_AGAIN = 0.2  # seconds, after that
SAME_WINDOW = 1.0  # seconds that the ends of two blocks of one window may seem apart


class Payer(NamedTuple):
    """Who pays: an account of a project. `share` is the part of the limits that may be drawn.

    `polls` may spend small change (rule 4 of quota.bucket).
    """

    quota: Quota
    project: str  # subjects of buckets
    account: str
    share: float = 1.0
    polls: bool = False


@dataclass(slots=True)
class Held:
    """A block in our hands. Times are on the monotonic clock."""

    units: int = 0
    ends: float = 0.0
    again: float = 0.0  # nothing like `refused` is granted before
    refused: int = 0  # the fewest units that were not granted
    closed: float = 0.0  # the provider wants nothing before
    day: date | None = None
    seated: bool = False
    spent: dict[str, int] = field(default_factory=dict)  # small change, by account


Key = tuple[str, float]


class Payment(NamedTuple):
    """`units` for one request; `ahead` of them will be wanted at once, by those sent beside it."""

    payer: Payer
    units: int
    ahead: int


@dataclass(slots=True)
class Lack:
    """What payments want of one bucket that holds too little in our hands."""

    payer: Payer
    subject: str
    at_hand: int
    seat: bool
    unused: Unused | None
    need: int = 0
    together: int = 0
    ahead: int = 0

    def add(self, units: int, ahead: int) -> None:
        """Requests that are sent side by side count each other as ahead."""
        self.need = max(self.need, units - self.at_hand)
        self.together += units
        self.ahead = max(self.ahead, ahead)

    def ask(self) -> bucket.Ask:
        quota, share = self.payer.quota, self.payer.share
        of_project = self.subject == self.payer.project
        limits = quota.project if of_project else bucket.of_accounts(quota.account)
        need = max(1, self.need)
        return bucket.Ask(
            self.subject,
            Bucket(_part(limits.minute, share), _part(limits.day, share)),
            need=need,
            wish=max(need, max(self.together, self.ahead) - self.at_hand),
            zone=quota.day_zone,
            part=bucket.PART if of_project else bucket.NO_LIMIT,
            seat=of_project and self.payer.polls and self.seat,
            polls=self.payer.polls,
            unused=self.unused,
        )


class Purse:
    """Threads share one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[Key, Held] = {}
        self._lock = threading.Lock()

    def take(self, payer: Payer, units: int) -> float | None:
        """0 when paid, else seconds to wait; None when a bucket has to be asked. Never blocks."""
        with self._lock:
            paid, _ = self._take(payer, units)
            return paid

    def draw(self, payer: Payer, units: int, ahead: int) -> float:
        """As `take`, asking the buckets. `ahead` units will be wanted at once."""
        return self.draw_many([Payment(payer, units, ahead)])[0]

    def draw_many(self, payments: Sequence[Payment]) -> list[float]:
        """As `draw`, for many: all buckets that lack something are asked together."""
        waits: list[float | None] = [None] * len(payments)
        for _ in range(MOST_DRAWS):
            with self._lock:
                lacks = self._pay(payments, waits)
            if not lacks:
                break
            asked_at = self._clock()
            drawn = bucket.draw([lack.ask() for lack in lacks.values()])
            with self._lock:
                for subject, lack in lacks.items():
                    key = (subject, lack.payer.share)
                    self._keep(key, drawn[subject], asked_at, lack.need)
        return [TRY_AGAIN if wait is None else wait for wait in waits]

    def close(self, payer: Payer, seconds: float, *, project: bool) -> None:
        """Nothing more is paid for the account, or the whole project, for so long."""
        subject = payer.project if project else payer.account
        bucket.close(subject, seconds, payer.quota.day_zone)
        with self._lock:
            held = self._held.setdefault((subject, payer.share), Held())
            held.units = 0
            held.closed = self._clock() + min(seconds, bucket.LONGEST_WAIT)
            held.again, held.refused = max(held.again, held.closed), 0

    def empty(self) -> None:
        """Forgets all: what a process was forked from still uses it."""
        self._held = {}
        self._lock = threading.Lock()

    # --- Under the lock ---------------------------------------------------------------------------

    def _pay(self, payments: Sequence[Payment], waits: list[float | None]) -> dict[str, Lack]:
        """Notes which are paid, or how long they wait; returns what has to be drawn for others."""
        lacks: dict[str, Lack] = {}
        for place, (payer, units, ahead) in enumerate(payments):
            if waits[place] is not None:
                continue
            waits[place], subject = self._take(payer, units)
            if waits[place] is not None:
                continue
            lack = lacks.get(subject)
            if lack is None:
                held = self._held.get((subject, payer.share))
                unused, over = self._left_over(held)
                at_hand = 0 if held is None or over else held.units
                lack = lacks[subject] = Lack(payer, subject, at_hand, seat=over, unused=unused)
            if (lack.payer.share, lack.payer.polls) == (payer.share, payer.polls):
                lack.add(units, ahead)  # else it is drawn for the next time round
        return lacks

    def _take(self, payer: Payer, units: int) -> tuple[float | None, str]:
        """The answer of `take`, and which bucket has to be asked when that is None."""
        now = self._clock()
        project = self._held.get((payer.project, payer.share))
        if project is None or project.ends <= now or project.units < units:
            return self._wait(project, now, units), payer.project
        if not payer.quota.account.minute and not payer.quota.account.day:
            project.units -= units
            return 0.0, ""
        account = self._held.get((payer.account, payer.share))
        if account is not None and account.closed > now:
            return account.closed - now, payer.account
        if payer.polls and project.seated:
            spent = project.spent.get(payer.account, 0) + units
            if spent <= bucket.small_change(payer.quota.account):
                project.spent[payer.account] = spent
                project.units -= units
                return 0.0, ""
        if account is None or account.ends <= now or account.units < units:
            return self._wait(account, now, units), payer.account
        account.units -= units
        project.units -= units
        return 0.0, ""

    def _wait(self, held: Held | None, now: float, units: int) -> float | None:
        if held is None or held.again <= now or units - held.units < held.refused:
            return None
        return held.again - now

    def _left_over(self, held: Held | None) -> tuple[Unused | None, bool]:
        """What a block that has ended leaves, told once; whether there is none that lasts."""
        if held is None:
            return None, True
        if held.ends > self._clock():
            return None, False
        units, held.units = held.units, 0
        return (Unused(units, held.day) if units and held.day else None), True

    def _keep(self, key: Key, block: Drawn, asked_at: float, need: int) -> None:
        """Adds to what is held; other threads may have drawn at the same time."""
        ends = asked_at + block.seconds
        self._drop_ended()
        held = self._held.setdefault(key, Held())
        if ends - held.ends > SAME_WINDOW:
            held.units, held.ends, held.seated = 0, ends, False
            held.spent = {}
        held.ends = min(held.ends, ends)
        held.units += block.units
        held.day = block.day
        held.seated = held.seated or block.seated
        if not block.units:
            lasts = held.again > self._clock()
            held.refused = min(held.refused, need) if lasts else need
            held.again = asked_at + max(block.wait, TRY_AGAIN)

    def _drop_ended(self) -> None:
        if len(self._held) > MOST_HELD:
            now = self._clock()
            self._held = {
                key: held
                for key, held in self._held.items()
                if held.ends > now or held.again > now or held.units
            }


def _part(limit: int, share: float) -> int:
    """At least a unit, for none would be no limit."""
    return max(1, int(limit * share)) if limit else 0
