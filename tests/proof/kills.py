"""At which statement the next worker is killed, so that each gets its turn before and after."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.proof.worker import AFTER, BEFORE

PATIENCE = 15  # tries after which a place counts as rare, and isn't waited for
LATEST = 2  # the occurrence within one worker's life at which it is killed, at most

Place = tuple[str, str]  # statement, moment


@dataclass
class Kills:
    """The statements of one task, in the order in which they were met, and what they cost.

    `wanted` is how often each place is to kill.
    """

    dice: random.Random
    wanted: int = 0
    statements: dict[str, None] = field(default_factory=dict)
    tried: Counter[Place] = field(default_factory=Counter)
    done: Counter[Place] = field(default_factory=Counter)

    def met(self, statements: Iterable[str]) -> None:
        self.statements.update(dict.fromkeys(statements))

    @property
    def places(self) -> list[Place]:
        return [(name, moment) for name in self.statements for moment in (BEFORE, AFTER)]

    def next(self) -> tuple[str, str, int] | None:
        """Statement, moment and occurrence: one that was tried least, of those that are not done.

        Some statements are rare: a worker that is ordered to die there seldom does. Where none has
        died yet, the first occurrence will do.
        """
        places = [one for one in self.places if not self._done(one)] or self.places
        if not places:
            return None
        fewest = min(self.tried[place] for place in places)
        statement, moment = self.dice.choice([one for one in places if self.tried[one] == fewest])
        latest = LATEST if self.done[statement, moment] else 1
        return statement, moment, self.dice.randint(1, latest)

    def ordered(self, place: Place, *, killed: bool) -> None:
        self.tried[place] += 1
        self.done[place] += killed

    @property
    def open(self) -> int:
        """How many places are still to do."""
        return sum(not self._done(one) for one in self.places)

    def _done(self, place: Place) -> bool:
        """Whether it has killed as often as is wanted, or was tried as often as makes sense."""
        return self.done[place] >= self.wanted or self.tried[place] >= PATIENCE

    def missed(self) -> Mapping[Place, int]:
        """{place that killed nobody: how often that was tried}."""
        return {one: self.tried[one] for one in self.places if not self.done[one]}

    def table(self) -> Mapping[str, tuple[int, int]]:
        """{statement: (killed before it, killed after it)}, in the order of first use."""
        return {name: (self.done[name, BEFORE], self.done[name, AFTER]) for name in self.statements}
