"""What is known of a listing, and which of it was missing in the poll before.

A listing that has lost most of its records at once has mostly not: a filter was set at the
provider, a right was taken away, a part of it is being restored. So what goes in such a crowd is
marked as missing in what is known of it, by a prefix of its fingerprint, and is told as deleted by
the next poll that misses it. What is listed again loses its mark. One from which records are
deleted whenever its pages are read hides others, and says nothing of what is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

MARK = "missing "
FEWEST = 2  # records: a single one is no crowd, however few there are


class Known:
    """What is known, by object id, read from what is stored of it ({object id: fingerprint}).

    `fingerprints` are without marks; that of an object that waits to be read is empty. `missing`
    are the ids of the marked ones.
    """

    def __init__(self, stored: Mapping[str, str]) -> None:
        self.fingerprints = {id_: one.removeprefix(MARK) for id_, one in stored.items()}
        self.missing = frozenset(id_ for id_, one in stored.items() if one.startswith(MARK))

    def in_doubt(self, gone: Collection[str], *, still: bool = True) -> frozenset[str]:
        """Return which of those that are listed no more have to be missed by another poll: all of
        them where the listing did not stand `still` while it was read, and while they are more than
        half of what is known, those that are missing for the first time."""
        known = (id_ for id_ in gone if self.fingerprints.get(id_))
        if not still:
            return frozenset(known)
        if len(gone) < FEWEST or 2 * len(gone) <= len(self.fingerprints):
            return frozenset()
        return frozenset(id_ for id_ in known if id_ not in self.missing)

    def marks(self, listed: Collection[str], doubtful: Collection[str]) -> dict[str, str]:
        """Return what is to be stored, as {object id: fingerprint}: marks of the `doubtful`, and
        none any more of what is listed again."""
        marked = {id_: MARK + self.fingerprints[id_] for id_ in doubtful}
        back = {id_: self.fingerprints[id_] for id_ in self.missing if id_ in listed}
        return {**back, **marked}

    def note(self, doubtful: Collection[str]) -> str:
        """Return what people are told; empty when nothing is in doubt."""
        if not doubtful:
            return ""
        return (
            f"{len(doubtful)} of {len(self.fingerprints)} records are listed no more: they are "
            "told as deleted when the next poll misses them, too"
        )
