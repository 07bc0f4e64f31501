"""What an engine has in hand: which deliveries may start now, and how many more it may take.

Rule 1: a dead receiver never delays another's deliveries. A subscription has at most ten attempts
running, one while it is failing; one server a quarter of the slots; and an attempt that runs for
long gives its slot free.
Rule 2: nor do many dead receivers of one organization delay another's. It has a share
(transport.shares) of all attempts, of those that fail, and of the slots for receivers that have
not answered yet, of which nobody knows whether they will.
Rule 3: nothing here waits, sends or stores. deliver.py does, and asks here.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from events.claim import LARGEST_SHARE, LEASE, Claimed, Due, Endpoint
from transport.shares import Shares

RUNNING_PER_SUBSCRIPTION = 10
IN_HAND_PER_SUBSCRIPTION = 400  # of one that answers well; it begins with what may run
SLOW_AFTER = 1.0  # seconds
SLOW_FACTOR = 3  # slow attempts for each slot: a waiting socket costs little
MARGIN = 3.0  # seconds of lease left when the attempt that began last has timed out
MOST_PROVEN = 10_000  # subscriptions whose allowance is remembered
MOST_BYTES = 256_000_000  # of bodies in hand


@dataclass(slots=True)
class Line:
    """One subscription's deliveries in hand, each with the time it was claimed at."""

    endpoint: Endpoint
    failing: bool
    allowance: int = RUNNING_PER_SUBSCRIPTION  # grows by one with each success
    waiting: deque[tuple[Claimed, float]] = field(default_factory=deque)
    running: int = 0
    unsettled: int = 0  # attempted, and not stored yet
    size: int = 0  # bytes of bodies, waiting and running

    @property
    def origin(self) -> str:
        return self.endpoint.origin

    @property
    def organization(self) -> int:
        return self.endpoint.organization_id

    @property
    def proven(self) -> bool:
        """Whether its receiver has answered well since it last failed."""
        return self.allowance > RUNNING_PER_SUBSCRIPTION

    @property
    def in_hand(self) -> int:
        return len(self.waiting) + self.running + self.unsettled

    @property
    def may_start(self) -> int:
        limit = 1 if self.failing else RUNNING_PER_SUBSCRIPTION
        return max(0, min(len(self.waiting), limit - self.running))

    @property
    def room(self) -> int:
        if self.size >= LARGEST_SHARE:
            return 0
        return (1 if self.failing else self.allowance) - self.in_hand


class Traffic:
    """The deliveries that one engine has on lease.

    `slots` is how many attempts may run at once, the slow ones aside; `timeout` is an attempt's,
    in seconds. Times are those of a monotonic clock, in seconds.
    """

    def __init__(self, slots: int, timeout: float) -> None:
        self._slots = slots
        self._most_running = slots * (1 + SLOW_FACTOR)
        self._most_failing = self._most_running // 2
        self._running_per_origin = max(RUNNING_PER_SUBSCRIPTION, slots // 4)
        self._in_hand_per_origin = max(IN_HAND_PER_SUBSCRIPTION, slots)
        self._startable_for = LEASE.total_seconds() - timeout - MARGIN
        self._lines: dict[int, Line] = {}
        self._running_at: Counter[str] = Counter()  # by origin
        self._running = Shares(self._most_running)  # by organization
        self._unproven = Shares(slots)  # by organization: slots of receivers that may be dead
        self._trying: dict[int, int] = {}  # delivery id to the organization that has such a slot
        self._quick: dict[int, float] = {}  # delivery id to when it began, oldest first
        self._slow: set[int] = set()
        self._bytes = 0
        self._proven: dict[int, int] = {}  # allowances of lines that have run empty

    @property
    def empty(self) -> bool:
        """Nothing in hand, nothing that waits to be stored."""
        return not self._lines

    def slow(self, now: float) -> int:
        """How many attempts have been running for long."""
        while self._quick:
            delivery_id, began = next(iter(self._quick.items()))
            if now - began < SLOW_AFTER:
                break
            del self._quick[delivery_id]
            self._slow.add(delivery_id)
            self._free_slot(delivery_id)
        return len(self._slow)

    # --- Taking more -----------------------------------------------------------------------------

    def room(self, now: float) -> int:
        """How many more deliveries to claim: what could start, and as many again to follow."""
        slow = self.slow(now)
        free = self._most_running - len(self._quick) - slow
        if free <= 0 or self._bytes >= MOST_BYTES:
            return 0
        return max(0, min(self._slots - len(self._quick), free) + self._slots - self._startable())

    def _startable(self) -> int:
        by_origin: Counter[tuple[int, str, bool]] = Counter()
        for line in self._lines.values():
            if line.waiting:
                by_origin[line.organization, line.origin, line.proven] += line.may_start
        proven: Counter[int] = Counter()  # by organization
        unproven: Counter[int] = Counter()
        for (organization, origin, is_proven), count in by_origin.items():
            room = max(0, self._running_per_origin - self._running_at[origin])
            (proven if is_proven else unproven)[organization] += min(count, room)
        return sum(
            min(
                self._running.room(one),
                proven[one] + min(unproven[one], self._unproven.room(one)),
            )
            for one in {*proven, *unproven}
        )

    def shares(self, due: Sequence[Due], room: int) -> dict[int, int]:
        """How many deliveries to claim of each due subscription, that there is `room` for."""
        in_hand_at: Counter[str] = Counter()
        waiting: Counter[int] = Counter()  # by organization
        to_fail = Shares(self._most_failing)
        for line in self._lines.values():
            in_hand_at[line.origin] += line.in_hand
            waiting[line.organization] += len(line.waiting)
            if line.failing:
                to_fail.take(line.organization)
        # Twice the even share, since some have less than theirs; the claim itself takes turns.
        even = max(1, 2 * room // max(1, len(due)))
        organizations = {one.organization_id for one in due}
        most = max(1, 2 * room // (len(organizations) + 1))
        left = {one: min(most, 2 * self._slots - waiting[one]) for one in organizations}
        shares: dict[int, int] = {}
        for one in due:
            line = self._lines.get(one.subscription_id) or self._new_line(one)
            share = min(
                line.room,
                even,
                self._in_hand_per_origin - in_hand_at[one.origin],
                left[one.organization_id],
            )
            if line.failing or one.failing:
                share = min(share, 1)
                if share > 0 and not to_fail.take(one.organization_id):
                    continue
            if share <= 0:
                continue
            shares[one.subscription_id] = share
            in_hand_at[one.origin] += share
            left[one.organization_id] -= share
        return shares

    def add(self, claimed: Sequence[Claimed], claimed_at: float) -> None:
        """Puts deliveries that are on lease since `claimed_at` in line."""
        for delivery in claimed:
            line = self._lines.get(delivery.subscription_id)
            if line is None:
                line = self._lines[delivery.subscription_id] = self._new_line(delivery)
            line.waiting.append((delivery, claimed_at))
            self._resize(line, len(delivery.body))

    def _new_line(self, one: Due | Claimed) -> Line:
        allowance = self._proven.get(one.subscription_id, RUNNING_PER_SUBSCRIPTION)
        return Line(one.endpoint, one.failing, allowance)

    # --- Starting and ending ---------------------------------------------------------------------

    def start(self, now: float) -> Iterator[Claimed]:
        """The deliveries to attempt now; each runs until `ended`. The subscriptions take turns."""
        self.slow(now)
        turn = [key for key, line in self._lines.items() if line.may_start]
        while turn:
            again: list[int] = []
            for key in turn:
                line = self._lines[key]
                if not line.may_start:
                    continue
                if (
                    len(self._quick) >= self._slots
                    or len(self._quick) + len(self._slow) >= self._most_running
                ):
                    return
                if self._running_at[line.origin] >= self._running_per_origin:
                    continue
                if now - line.waiting[0][1] > self._startable_for:
                    continue  # `stale` hands it out
                if not self._take_shares(line):
                    continue
                delivery, _ = line.waiting.popleft()
                if not line.proven:
                    self._trying[delivery.id] = line.organization
                line.running += 1
                self._running_at[line.origin] += 1
                self._quick[delivery.id] = now
                # To the end, so that who began comes last when slots are short.
                self._lines[key] = self._lines.pop(key)
                again.append(key)
                yield delivery
            turn = again

    def _take_shares(self, line: Line) -> bool:
        """Whether its organization may have another attempt running."""
        if not self._running.allows(line.organization):
            return False
        if not line.proven and not self._unproven.take(line.organization):
            return False
        return self._running.take(line.organization)

    def _free_slot(self, delivery_id: int) -> None:
        organization = self._trying.pop(delivery_id, None)
        if organization is not None:
            self._unproven.give_back(organization)

    def ended(self, delivery: Claimed, *, delivered: bool) -> list[Claimed]:
        """Notes that an attempt is over. Returns what to give back untried since it failed."""
        line = self._over(delivery)
        line.failing = not delivered
        if delivered:
            line.allowance = min(IN_HAND_PER_SUBSCRIPTION, line.allowance + 1)
            return []
        line.allowance = RUNNING_PER_SUBSCRIPTION
        return self._give_back(line)

    def give_back(self, delivery: Claimed) -> None:
        """Notes that a delivery of `start` was not attempted after all."""
        self._over(delivery)

    def _over(self, delivery: Claimed) -> Line:
        line = self._lines[delivery.subscription_id]
        line.running -= 1
        line.unsettled += 1
        self._running_at[line.origin] -= 1
        if not self._running_at[line.origin]:
            del self._running_at[line.origin]
        if self._quick.pop(delivery.id, None) is None:
            self._slow.discard(delivery.id)
        self._free_slot(delivery.id)
        self._running.give_back(line.organization)
        self._resize(line, -len(delivery.body))
        return line

    def stale(self, now: float) -> list[Claimed]:
        """What has waited so long that its lease could end during an attempt."""
        return [
            delivery
            for line in self._lines.values()
            if line.waiting and now - line.waiting[0][1] > self._startable_for
            for delivery in self._give_back(line)
        ]

    def hold(self, endpoints: Collection[Endpoint]) -> list[Claimed]:
        """What waits for servers that nothing is to be sent to, but for their probes."""
        return [
            delivery
            for line in self._lines.values()
            if line.waiting and line.endpoint in endpoints and not line.waiting[0][0].probe
            for delivery in self._give_back(line)
        ]

    def waiting(self) -> list[Claimed]:
        """Everything that has not begun, to be given back when the engine ends."""
        return [delivery for line in self._lines.values() for delivery in self._give_back(line)]

    def settled(self, subscription_id: int) -> None:
        """Notes that one delivery that ended or was given back is stored."""
        line = self._lines[subscription_id]
        line.unsettled -= 1
        if not line.in_hand:
            del self._lines[subscription_id]
            if len(self._proven) >= MOST_PROVEN:
                self._proven.clear()
            self._proven[subscription_id] = line.allowance

    def _give_back(self, line: Line) -> list[Claimed]:
        back = [delivery for delivery, _ in line.waiting]
        line.waiting.clear()
        line.unsettled += len(back)
        for delivery in back:
            self._resize(line, -len(delivery.body))
        return back

    def _resize(self, line: Line, size: int) -> None:
        line.size += size
        self._bytes += size
