"""All that the sandbox is, in one object that every endpoint is handed."""

import secrets
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web

from integrations.sandbox.faults import Faults

from .clock import Clock
from .errors import fault_body
from .grants import Grants
from .mailboxes import Mailboxes
from .mime import Draft, write
from .push import Pusher
from .quota import Quota
from .store import Store

REQUESTS_KEPT = 10_000  # entries of the request log
DEFAULT_CLIENT = ("sandbox-client", "sandbox-secret")
DEFAULT_MAILBOX = "user@example.com"


@dataclass(frozen=True)
class Logged:
    """One request that was answered, without secrets. `at` is in seconds, `status` 0: cut."""

    number: int
    at: float
    method: str
    path: str
    query: dict[str, list[str]]
    status: int
    user: str | None


@dataclass
class StandIn:
    """The sandbox's state and rules."""

    store: Store
    clock: Clock
    mailboxes: Mailboxes
    grants: Grants
    pusher: Pusher
    quota: Quota = field(default_factory=Quota)
    faults: Faults = field(default_factory=lambda: Faults(fault_body))
    requests: deque[Logged] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    requests_seen: int = 0


STAND_IN = web.AppKey("stand_in", StandIn)


def open_stand_in(
    state: str = ":memory:",
    *,
    seed: str | None = None,
    empty: bool = False,
    open_registration: bool = False,
) -> StandIn:
    """Open the state file, or make it with the default client and mailbox unless `empty`.

    The seed of a state file is that of its first start. Raises store.StateUnusableError.
    """
    store = Store(state)
    kept = store.setting("seed", "")
    if not kept:
        kept = seed or secrets.token_hex(8)
        store.set_setting("seed", kept)
    clock = Clock(store)
    pusher = Pusher(store, clock)
    stand_in = StandIn(
        store,
        clock,
        Mailboxes(store, clock, kept, pusher.changed),
        Grants(store, clock, open_registration=open_registration),
        pusher,
    )
    if not empty and not store.setting("furnished", ""):
        _furnish(stand_in)
    return stand_in


def _furnish(stand_in: StandIn) -> None:
    """The client and the mailbox that a newcomer finds."""
    client_id, secret = DEFAULT_CLIENT
    with stand_in.store.transaction():
        stand_in.store.set_setting("furnished", "yes")
        stand_in.grants.register(client_id, secret, any_loopback=True)
        mailbox = stand_in.mailboxes.create(DEFAULT_MAILBOX)
        receipts = mailbox.labels.find_or_create("Receipts").label_id
        mails = [
            ("news@example.com", "Welcome to the sandbox", "This mailbox is not at Google.",
             ["INBOX", "CATEGORY_UPDATES"]),
            ("shop@example.com", "Your receipt", "Thank you. The sum is 12.50 EUR.",
             ["INBOX", receipts]),
            ("colleague@example.com", "Lunch on Friday?", "Shall we say half past twelve?",
             ["INBOX", "UNREAD", "IMPORTANT"]),
        ]  # fmt: skip
        for number, (sender, subject, text, labels) in enumerate(mails):
            hours_ago = len(mails) - number
            draft = Draft(sender, DEFAULT_MAILBOX, subject, text)
            date = stand_in.clock.now_ms() - hours_ago * 3_600_000
            deliver(stand_in, DEFAULT_MAILBOX, draft, labels, date)


def deliver(
    stand_in: StandIn,
    address: str,
    draft: Draft,
    labels: list[str],
    internal_date: int | None = None,
    thread_id: str | None = None,
) -> tuple[str, str, int]:
    """Write a mail and put it into the mailbox; returns message id, thread id and history id.

    Raises ValueError and the errors of Mailbox.add.
    """
    mailbox = stand_in.mailboxes.open(address)
    domain = address.partition("@")[2]
    rfc822_id = f"<{secrets.token_hex(12)}@{domain}>"
    raw = write(draft, stand_in.clock.today(), rfc822_id)
    added = mailbox.add(raw, labels, internal_date=internal_date, thread_id=thread_id)
    return added.message_id, added.thread_id, added.history_id
