"""How far a look through a listing has come that takes more than one poll: what its cursor holds.

The pages that were read stand there as they were seen, {object id: fingerprint} each: the look has
to know in the end what it has not seen. The cursor is "<scope>.<JSON>", and a line a page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from transport.errors import ProviderError

LARGEST = 8_000_000  # characters of a cursor
READ_ANEW = (
    "the provider no longer knew the next page of the listing: it is read from the beginning"
)


@dataclass(slots=True)
class Place:
    """Where a look stands. `begins` says that nothing is known of the listing yet, `untold` that
    there was no room for all that it has found. `token` leads to the next page."""

    begins: bool
    untold: bool = False
    token: str = ""
    lines: list[str] = field(default_factory=list)  # JSON, one a page
    size: int = 0  # characters of them

    @classmethod
    def of(cls, cursor: str | None, scope: str) -> Place | None:
        """What a cursor says; None where it is none of a look that is under way in the scope."""
        head, *lines = (cursor or "").split("\n")
        of, _, place = head.partition(".")
        if of != scope or not place.startswith("{"):
            return None
        return cls(**json.loads(place), lines=lines, size=sum(map(len, lines)))

    def written(self, scope: str) -> str:
        head = json.dumps({"begins": self.begins, "untold": self.untold, "token": self.token})
        return "\n".join([f"{scope}.{head}", *self.lines])

    @property
    def pages(self) -> int:
        return len(self.lines)

    @property
    def seen(self) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            yield from json.loads(line).items()

    def add(self, page: Mapping[str, str]) -> None:
        """Notes another page."""
        line = json.dumps(page, separators=(",", ":"))
        self.lines.append(line)
        self.size += len(line)

    def is_unknown(self, error: ProviderError) -> bool:
        """Return whether the provider may not know the token any more: most don't live long."""
        gone = error.status in (400, 404, 410, 422) and not error.is_rate_limit
        return bool(self.token) and gone
