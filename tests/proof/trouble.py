"""What happens in many mailboxes, and what goes wrong at the provider meanwhile: from one seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.gmail.sandbox.control_client import SandboxControl

LABELS = ("STARRED", "IMPORTANT", "UNREAD", "CATEGORY_UPDATES")
# The epoch, long ago, and the future. A date of the past is one that no recovery lists.
PAST_DATES = (0, 1_080_777_600_000)
FUTURE_DATE = 4_102_358_400_000
LATE = 60  # messages that count as the last ones, of which more is heard
NO_MORE = 3000  # messages of one mailbox that something still happens to

PLAIN: Mapping[str, Any] = {}

HISTORY: dict[str, object] = {"path": "/gmail/v1/users/me/history"}
PROFILE: dict[str, object] = {"path": "/gmail/v1/users/me/profile"}
LIST: dict[str, object] = {"path_regex": "/users/me/messages$"}
GET: dict[str, object] = {"path_regex": "/messages/[^/]+$"}
TOKEN: dict[str, object] = {"path": "/token"}
# (which requests, what they are answered, how many of them at most)
FAULTS: tuple[tuple[dict[str, object], dict[str, object], int], ...] = (
    (HISTORY, {"status": 500}, 12),
    (HISTORY, {"status": 429}, 12),
    (HISTORY, {"status": 429, "retry_after": "90"}, 1),
    (HISTORY, {"status": 503}, 12),
    (HISTORY, {"cut": "before"}, 9),
    (HISTORY, {"cut": "mid-body"}, 9),
    (HISTORY, {"malformed": True}, 2),
    (GET, {"status": 429}, 8),
    (GET, {"status": 429, "retry_after": "30"}, 3),
    (GET, {"status": 500}, 12),
    (GET, {"status": 503}, 12),
    (GET, {"cut": "before"}, 9),
    (GET, {"cut": "mid-body"}, 9),
    (GET, {"html": True, "status": 200}, 3),
    (GET, {"status": 401}, 1),
    (GET, {"latency_ms": 300}, 20),
    (PROFILE, {"status": 503}, 3),
    (LIST, {"status": 500}, 3),
    (LIST, {"cut": "mid-body"}, 3),
    (TOKEN, {"status": 500}, 1),
    (TOKEN, {"cut": "before"}, 1),
)
# What brings up the statements that workers seldom come by: (part of the name, which requests, what
# they are answered). For those of credentials, every access token has expired as well.
RARE: tuple[tuple[str, dict[str, object], dict[str, object]], ...] = (
    ("polling.rows.FAIL", HISTORY, {"status": 500}),
    ("polling.idle.PUT_OFF", HISTORY, {"status": 403, "reason": "dailyLimitExceeded"}),
    ("quota.bucket.BEGIN", HISTORY, {"status": 429}),
    ("quota.bucket.CLOSE", HISTORY, {"status": 429}),
    ("instances.credential._store_later", TOKEN, {"latency_ms": 300}),
)
OF_RECONCILIATIONS = "polling.reconciliation"
OF_CREDENTIALS = ("instances_credential", "instances.credential")
WIDESPREAD = 40  # requests that meet such a fault


@dataclass
class Mailbox:
    """One mailbox, as whoever sends to it knows it: `ids` are the messages in it, oldest first.

    `ordered`: its customer wants the events of each message in their order.
    """

    address: str
    ordered: bool = False
    ids: list[str] = field(default_factory=list)
    poisoned: set[str] = field(default_factory=set)


@dataclass
class Trouble:
    """`past` are the messages of which no recovery can know, for their date is of the past."""

    control: SandboxControl
    dice: random.Random
    mailboxes: list[Mailbox]
    expiry: float = 0.03  # how likely a round begins with the history of a mailbox lost
    past: set[str] = field(default_factory=set)
    acts: Counter[str] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)  # faults
    last: Mailbox = field(init=False)  # that something has happened to

    def __post_init__(self) -> None:
        self.last = self.mailboxes[0]

    # --- What happens in a mailbox ---------------------------------------------------------------

    def go_on(self) -> None:
        """One thing happens somewhere, most of them more than one change."""
        acts: dict[str, tuple[Callable[[Mailbox], None], int]] = {
            "mails arrive": (self._arrive, 24),
            "a burst of mails": (self._burst, 5),
            "mails come and go at once": (self._come_and_go, 10),
            "one label changes": (self._label, 14),
            "a storm of labels": (self._storm, 14),
            "to the trash and back": (self._trash, 6),
            "mails are deleted": (self._delete, 10),
            "mails with odd dates": (self._odd_dates, 7),
            "a message cannot be read": (self._poison, 4),
            "and can again": (self._heal, 5),
        }
        name = self.dice.choices(list(acts), [weight for _, weight in acts.values()])[0]
        self.acts[name] += 1
        self.last = self.dice.choice(self.mailboxes)
        acts[name][0](self.last)

    def _arrive(self, box: Mailbox) -> None:
        box.ids += self._delivered(box, self.dice.randint(1, 12))

    def _burst(self, box: Mailbox) -> None:
        """As many as one poll cannot fetch, now and then."""
        box.ids += self.control.fill(self.dice.choice((40, 90, 140, 260)), box.address, step_ms=1)[
            ::-1
        ]  # the newest comes first

    def _come_and_go(self, box: Mailbox) -> None:
        ids = self._delivered(box, self.dice.randint(2, 10))
        gone = self.dice.randint(1, len(ids))
        self.control.delete_many(ids[:gone], box.address)
        box.ids += ids[gone:]

    def _label(self, box: Mailbox) -> None:
        self._relabel(box, self._some(box, 1))

    def _storm(self, box: Mailbox) -> None:
        ids = self._some(box, self.dice.randint(10, 60))
        for _ in range(self.dice.randint(2, 5)):
            self._relabel(box, ids)

    def _trash(self, box: Mailbox) -> None:
        for id_ in self._some(box, 3):
            self.control.trash(id_, box.address)
            if self.dice.random() < 0.5:
                self.control.untrash(id_, box.address)

    def _delete(self, box: Mailbox) -> None:
        gone = set(self._some(box, self.dice.randint(1, 12)))
        if gone:
            self.control.delete_many(sorted(gone), box.address)
            box.ids = [id_ for id_ in box.ids if id_ not in gone]
            box.poisoned -= gone

    def _odd_dates(self, box: Mailbox) -> None:
        date = self.dice.choice((*PAST_DATES, FUTURE_DATE))
        ids = self._delivered(box, self.dice.randint(1, 3), {"internal_date": date})
        box.ids += ids
        if date in PAST_DATES:
            self.past.update(ids)

    def _poison(self, box: Mailbox) -> None:
        for id_ in self._some(box, 1):
            self.control.poison(id_, box.address)
            box.poisoned.add(id_)

    def _heal(self, box: Mailbox) -> None:
        for id_ in sorted(box.poisoned):
            self.control.poison(id_, box.address, poisoned=False)
        box.poisoned.clear()

    def heal_all(self) -> None:
        for box in self.mailboxes:
            self._heal(box)

    def _delivered(self, box: Mailbox, count: int, more: Mapping[str, Any] = PLAIN) -> list[str]:
        return [mail["id"] for mail in self.control.deliver_many(count, box.address, **more)]

    def _relabel(self, box: Mailbox, ids: list[str]) -> None:
        label = self.dice.choice(LABELS)
        if not ids:
            return
        if self.dice.random() < 0.6:
            self.control.label_many(ids, add=[label], address=box.address)
        else:
            self.control.label_many(ids, remove=[label], address=box.address)

    def _some(self, box: Mailbox, count: int) -> list[str]:
        """Some messages, more likely of the last."""
        ids = box.ids[-LATE:] if self.dice.random() < 0.7 else box.ids[-NO_MORE:]
        return self.dice.sample(ids, min(count, len(ids)))

    # --- What goes wrong at the provider ---------------------------------------------------------

    def order_faults(self) -> None:
        """For the next requests; `clear_faults` ends them."""
        if self.dice.random() < self.expiry:
            self.served["history expired"] += 1
            self.control.expire_history(self.last.address)
        if self.dice.random() < 0.1:
            self.served["access tokens expired"] += 1
            self.control.expire_access_tokens(self.dice.choice(self.mailboxes).address)
        while self.dice.random() < 0.4:
            match, answer, most = self.dice.choice(FAULTS)
            times = self.dice.randint(1, most)
            name = _name(answer)
            self.control.add_fault(match, answer, times=times)
            self.served[name] += times

    def bring_up(self, statement: str) -> None:
        """Orders what workers meet the statement for, if it is a rare one."""
        for part, match, answer in RARE:
            if part in statement:
                self.control.add_fault(match, answer, times=WIDESPREAD)
                self.served[_name(answer)] += WIDESPREAD
        if OF_RECONCILIATIONS in statement:
            self.served["history expired"] += len(self.mailboxes)
            for box in self.mailboxes:
                self.control.expire_history(box.address)
        if any(part in statement for part in OF_CREDENTIALS):
            self.served["access tokens expired"] += len(self.mailboxes)
            for box in self.mailboxes:
                self.control.expire_access_tokens(box.address)

    def clear_faults(self) -> None:
        """Counts what was not asked for, and takes it back."""
        for rule in self.control.state()["faults"]:
            answer = {k: v for k, v in rule["answer"].items() if v not in (None, False, 0)}
            self.served[_name(answer)] -= rule["times"]
        self.control.clear_faults()


def _name(answer: dict[str, object]) -> str:
    """A fault in words."""
    if "cut" in answer:
        return f"connection cut ({answer['cut']})"
    if "latency_ms" in answer:
        return "late answer"
    if "html" in answer:
        return "HTML instead of JSON"
    if "malformed" in answer:
        return "broken JSON"
    if "reason" in answer:
        return f"{answer['status']} {answer['reason']}"
    return f"{answer['status']}" + (" with Retry-After" if "retry_after" in answer else "")
