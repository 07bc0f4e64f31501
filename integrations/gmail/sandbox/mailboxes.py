"""All mailboxes of the sandbox: made, opened, and numbered by its seed."""

import hashlib
import re

from .clock import Clock
from .contents import SYSTEM_LABELS, NoSuchMailboxError
from .mailbox import Changed, Mailbox
from .store import Store

_ADDRESS = re.compile(r"[^\s@/<>\"'\x00]{1,64}@[^\s@/<>\"'\x00]{1,190}")


class Mailboxes:
    """All mailboxes of the sandbox. `seed` makes ids and gaps the same in every run."""

    def __init__(self, store: Store, clock: Clock, seed: str, changed: Changed) -> None:
        self.store = store
        self.changed = changed
        self.clock = clock
        self.seed = seed

    def create(self, address: str) -> Mailbox:
        """Open the mailbox, making it where it isn't there yet. Raises ValueError."""
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"address: {address!r} is not a mail address")
        address = address.lower()
        start = 1_000 + self.number(address, "start", 0) % 900_000
        with self.store.transaction():
            made = self.store.execute(
                "INSERT INTO mailbox (address, history_id, history_floor) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (address, start, start),
            )
            mailbox = self.open(address)
            if made:
                for position, label in enumerate(SYSTEM_LABELS):
                    self.store.execute(
                        "INSERT INTO label (mailbox_id, position, label_id, name, system)"
                        " VALUES (?, ?, ?, ?, 1)",
                        (mailbox.key, position, label, label),
                    )
        return mailbox

    def open(self, address: str) -> Mailbox:
        """Raises NoSuchMailboxError."""
        row = self.store.one(
            "SELECT id, address FROM mailbox WHERE address = ?", (address.lower(),)
        )
        if row is None:
            raise NoSuchMailboxError(address)
        return Mailbox(self.store, self.clock, self.number, row["id"], row["address"], self.changed)

    def addresses(self) -> list[str]:
        """Every address, in the order of creation."""
        return [row["address"] for row in self.store.all("SELECT address FROM mailbox ORDER BY id")]

    def number(self, address: str, purpose: str, step: int) -> int:
        """A number of 60 bits that only the seed foretells."""
        digest = hashlib.sha256(f"{self.seed}\0{address}\0{purpose}\0{step}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 4
