"""A mailbox's random story, and what must have been told of it.

The model knows nothing of history ids or fingerprints: only which messages were touched since all
was told, and how each message stands.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from integrations.gmail.sandbox.control_client import SandboxControl

LABELS = ("STARRED", "IMPORTANT", "UNREAD")
BURSTS = (1, 1, 1, 2, 3, 12, 30)


@dataclass
class Story:
    """`present` are the labels of each message that is there, `touched` what is yet to be told.

    `told` are the messages that events have told of and whose end they have not.
    """

    control: SandboxControl
    dice: random.Random
    changes: int = 0
    present: dict[str, set[str]] = field(default_factory=dict)
    poisoned: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    history_lost: bool = False
    happened: Counter[str] = field(default_factory=Counter)

    # --- What happens in the mailbox -------------------------------------------------------------

    def go_on(self) -> None:
        """One thing happens, of which some are more than one change."""
        act = self.dice.choices(
            [self._arrive, self._label, self._delete, self._poison, self._heal],
            weights=[20, 60, 12, 2, 3],
        )[0]
        self.happened[act.__name__] += 1
        act()

    def burst(self, count: int) -> None:
        for mail in self.control.deliver_many(count):
            self.present[mail["id"]] = {"INBOX", "UNREAD"}
            self._touch(mail["id"])

    def lose_history(self) -> None:
        self.control.expire_history()
        self.history_lost = True
        self.happened["history lost"] += 1

    def heal_all(self) -> None:
        for id_ in sorted(self.poisoned & self.present.keys()):
            self.control.poison(id_, poisoned=False)
        self.poisoned.clear()

    def _touch(self, id_: str) -> None:
        self.touched.add(id_)
        self.changes += 1

    def _arrive(self) -> None:
        self.burst(self.dice.choice(BURSTS))

    def _label(self) -> None:
        if (id_ := self._one()) is None:
            return
        label = self.dice.choice(LABELS)
        labels = self.present[id_]
        if label in labels:
            self.control.label(id_, remove=[label])
        else:
            self.control.label(id_, add=[label])
        labels ^= {label}
        self._touch(id_)

    def _delete(self) -> None:
        if (id_ := self._one()) is not None:
            self.control.delete(id_)
            del self.present[id_]
            self._touch(id_)

    def _poison(self) -> None:
        if (id_ := self._one()) is not None:
            self.control.poison(id_)
            self.poisoned.add(id_)

    def _heal(self) -> None:
        if alive := sorted(self.poisoned & self.present.keys()):
            id_ = self.dice.choice(alive)
            self.control.poison(id_, poisoned=False)
            self.poisoned.discard(id_)

    def _one(self) -> str | None:
        """A message, more likely one of the last."""
        ids = list(self.present)
        return self.dice.choice(ids[-40:] if self.dice.random() < 0.7 else ids) if ids else None

    # --- What was told ---------------------------------------------------------------------------

    def hear(self, events: Iterable[tuple[str, str]], *, settled: bool) -> None:
        """Judges one poll's events. `settled`: nothing of what it found was put aside."""
        events = list(events)
        assert len({id_ for id_, _ in events}) == len(events), "one poll tells a message twice"
        for id_, type_ in events:
            assert id_ in self.touched, f"{id_} is told of again, untouched"
            if type_ == "CREATED":
                assert id_ not in self.told, f"{id_} is new for the second time"
            elif type_ == "UPDATED":
                assert id_ in self.told, f"{id_} has changed before it was new"
            if type_ == "DELETED":
                assert id_ not in self.present, f"{id_} is told to be gone, and is there"
                self.told.discard(id_)
            else:
                self.told.add(id_)
            self.touched.discard(id_)  # nothing happens while a poll runs
        if settled:
            silent = self.touched
            if self.history_lost:  # what came and went meanwhile, nobody can know of
                silent = {id_ for id_ in silent if id_ in self.present or id_ in self.told}
            assert silent == set(), f"nothing was told of {sorted(silent)[:10]}"
            self.touched.clear()
            self.history_lost = False
