"""Whether a listing is sorted newest first, judged by what was seen of it.

Sorted by the date that counts, and by no other: where the dates of creation fall, too, or the ids
rise or fall, the listing may be sorted by those, and a record that is updated stays deep in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ceql.moment import EPOCH, Moment

LONGEST = 1_000  # more than an id has characters


@dataclass(slots=True)
class Order:
    """What a look through a listing has shown of its order so far.

    `others` counts whether an order by another date or by the ids can be ruled out; it need not
    be where records are judged by a date that never changes and there is no other.
    """

    records: int = 0
    dated: bool = True  # each record has the date that counts
    falls: bool = True  # by it
    other_falls: bool = True  # by the other date
    ids_rise: bool = True
    ids_fall: bool = True
    last: int | None = None  # the date that counts of the last record, in milliseconds
    last_other: int | None = None
    last_id: str = ""

    def take(self, id_: str, judged: Moment | None, other: Moment | None) -> None:
        self.dated &= judged is not None
        date, second = _milliseconds(judged), _milliseconds(other)
        if self.records:
            self.falls &= date is None or self.last is None or date <= self.last
            self.other_falls &= (
                second is None or self.last_other is None or second <= self.last_other
            )
            self.ids_rise &= _key(self.last_id) <= _key(id_)
            self.ids_fall &= _key(self.last_id) >= _key(id_)
        self.records += 1
        self.last, self.last_other, self.last_id = date, second, id_

    @property
    def unbroken(self) -> bool:
        return self.dated and self.falls

    def newest_first(self, *, page: int, other: bool, ids: bool) -> bool:
        """What the whole listing shows; not to be told from less than two pages.

        `other`: there is another date, and `ids`: ids count, by which it must not be sorted.
        """
        return (
            self.unbroken
            and self.records > page
            and not (other and self.other_falls)
            and not (ids and (self.ids_rise or self.ids_fall))
        )

    def written(self) -> list[Any]:
        """As JSON, for `Order(*written)`."""
        return [
            self.records, self.dated, self.falls, self.other_falls, self.ids_rise, self.ids_fall,
            self.last, self.last_other, self.last_id,
        ]  # fmt: skip


def _milliseconds(moment: Moment | None) -> int | None:
    return None if moment is None else round((moment.start - EPOCH).total_seconds() * 1000)


def _key(id_: str) -> tuple[int, str]:
    """Numbers in their order, before words in theirs."""
    return (len(id_), id_) if id_.isdecimal() else (LONGEST, id_)
