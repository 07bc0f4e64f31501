"""How long to pause after failures, for rows that are tried again: the one law of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses of `first` after a failure, twice as long after each further one, up to `longest`.

    What the other side asks for is granted where it is longer, up to `longest_asked`; as a rule
    that is `longest`.
    """

    first: timedelta
    longest: timedelta
    longest_asked: timedelta | None = None

    def pause(self, failures: int, asked: float | None = None) -> timedelta:
        """Return the pause after so many failures in a row, 1 or more; `asked` is in seconds."""
        longest_asked = self.longest_asked or self.longest
        granted = min(max(asked or 0.0, 0.0), longest_asked.total_seconds())
        return max(self._doubled(failures), timedelta(seconds=granted))

    def _doubled(self, failures: int) -> timedelta:
        if self.first >= self.longest:
            return self.longest
        doublings: int = 2 ** min(max(failures - 1, 0), MOST_DOUBLINGS)
        return min(self.first * doublings, self.longest)

    @property
    def latest(self) -> timedelta:
        """The longest pause there is: what lies further ahead was written by a wrong clock."""
        return max(self.longest, self.longest_asked or self.longest)

    @property
    def pauses(self) -> list[timedelta]:
        """For SQL: the pauses after 1, 2, … failures; after all others it is the last of them."""
        found = [self.pause(1)]
        while found[-1] < self.longest:
            found.append(self.pause(len(found) + 1))
        return found
