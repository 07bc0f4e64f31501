"""A where-clause finds at Gmail what it says: the sandbox and ceql.matches agree on any mailbox.

Words are whole here, and case is kept, so that both mean the same by `=` and LIKE.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ceql import And, Comparison, Condition, In, Like, Operator, Or, matches, parse
from elements.calls import Call
from integrations.gmail.query import search
from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.tests.sandbox.conftest import Gmail
from tests.ceql.clauses import written

ADDRESSES = ["ann@example.com", "bob@example.com", "ann@other.example"]
SUBJECTS = ["alpha", "beta", "alpha beta"]
BODIES = ["gamma", "delta"]
LABELS = ["INBOX", "Work", "Clients/Big One"]
STATES = ["UNREAD", "STARRED"]
FILES = ["plan.pdf", "notes.txt"]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
OFFSETS = [-90_000_000, -1001, -1000, -999, -1, 0, 1, 250, 999, 1000, 90_000_000]  # ms
TIMES = [
    "2026-01-30", "2026-01-31", "2026-02-01", "2026-01-31T12:00:00Z", "2026-01-31 11:59:59",
    "2026-01-31T13:00:01+01:00",
]  # fmt: skip


@dataclass(frozen=True)
class Mail:
    sender: str
    to: str
    cc: str
    subject: str
    body: str
    offset: int  # ms from noon
    labels: list[str]
    files: list[str]
    long: bool

    def deliver(self, control: SandboxControl, address: str, number: int) -> str:
        headers = {"Message-ID": f"<m{number}@example.com>"} | ({"Cc": self.cc} if self.cc else {})
        found: str = control.deliver(
            address,
            sender=self.sender,
            to=self.to,
            subject=self.subject,
            text=f"{self.body} " * (50 if self.long else 1),
            labels=self.labels,
            headers=headers,
            internal_date=self.date,
            attachments=[{"filename": name, "text": "1"} for name in self.files],
        )["id"]
        return found

    @property
    def date(self) -> int:
        return int(NOON.timestamp()) * 1000 + self.offset

    def record(self, number: int, size: int) -> dict[str, Any]:
        """What a where-clause may ask of the mail."""
        return {
            "from": self.sender,
            "to": [self.to, self.cc] if self.cc else [self.to],
            "cc": [self.cc] if self.cc else [],
            "subject": self.subject,
            "text": [self.subject, self.body],
            "label": [label for label in self.labels if label not in STATES],
            "labelIds": self.labels,
            "is": ["unread" if "UNREAD" in self.labels else "read"],
            "isUnread": "UNREAD" in self.labels,
            "isStarred": "STARRED" in self.labels,
            "hasAttachment": bool(self.files),
            "filename": self.files,
            "rfc822msgid": f"m{number}@example.com",
            "date": str(self.date),
            "internalDate": self.date,
            "size": size,
        }


MAILS = st.builds(
    Mail,
    sender=st.sampled_from(ADDRESSES),
    to=st.sampled_from(ADDRESSES),
    cc=st.sampled_from(["", *ADDRESSES]),
    subject=st.sampled_from(SUBJECTS),
    body=st.sampled_from(BODIES),
    offset=st.sampled_from(OFFSETS),
    labels=st.lists(st.sampled_from(LABELS + STATES), unique=True),
    files=st.lists(st.sampled_from(FILES), unique=True),
    long=st.booleans(),
)
EQUALITY: st.SearchStrategy[Operator] = st.sampled_from(["=", "!="])
ORDER: st.SearchStrategy[Operator] = st.sampled_from(["=", "!=", "<", ">", "<=", ">="])


def named(name: str, values: list[Any]) -> st.SearchStrategy[Condition]:
    several = st.lists(st.sampled_from(values), min_size=1, max_size=2).map(tuple)
    return st.builds(Comparison, st.just(name), EQUALITY, st.sampled_from(values)) | st.builds(
        In, st.just(name), several, st.booleans()
    )


def like(name: str, patterns: list[str]) -> st.SearchStrategy[Condition]:
    return st.builds(Like, st.just(name), st.sampled_from(patterns), st.booleans())


def conditions() -> st.SearchStrategy[Condition]:
    leaves = st.one_of(
        *(named(name, ADDRESSES) for name in ("from", "to", "cc")),
        *(like(name, ["%@example.com", "%ann%", "bob@%"]) for name in ("from", "to", "cc")),
        named("subject", ["alpha beta", "zeta"]),
        like("subject", ["%alpha%", "%beta%", "%alpha beta%", "%beta alpha%"]),
        like("text", ["%beta%", "%gamma%"]),
        named("label", [*LABELS, "Nosuch"]),
        named("labelIds", ["INBOX", *STATES]),
        named("is", ["unread", "read"]),
        *(named(name, [True, False]) for name in ("isUnread", "isStarred", "hasAttachment")),
        named("filename", FILES),
        like("filename", ["%.pdf", "%notes%"]),
        named("rfc822msgid", ["m0@example.com", "m1@example.com"]),
        *(
            st.builds(Comparison, st.just(name), ORDER, st.sampled_from(TIMES))
            | st.builds(In, st.just(name), st.just(tuple(TIMES[1:3])), st.booleans())
            for name in ("date", "internalDate")
        ),
        st.builds(Comparison, st.just("size"), ORDER, st.integers(250, 600)),
    )

    def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(parts, min_size=2, max_size=3).map(tuple)
        return st.builds(And, several) | st.builds(Or, several)

    return st.recursive(leaves, joined, max_leaves=8)


CONDITIONS = conditions().map(written)


@dataclass
class Accounts:
    """Fresh mailboxes at one sandbox."""

    sandbox: SandboxServer
    control: SandboxControl = field(init=False)
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.control = SandboxControl(self.sandbox.url)

    def filled(self, mails: list[Mail]) -> tuple[Gmail, dict[str, dict[str, Any]]]:
        """A mailbox of these mails, and their records by id."""
        address = f"user{next(self.numbers)}@example.com"
        self.control.create_mailbox(address)
        ids = [mail.deliver(self.control, address, at) for at, mail in enumerate(mails)]
        gmail = Gmail(self.sandbox.url, self.control.sign_in(address)["access_token"])
        sizes = [gmail.get(f"/messages/{id_}", format="minimal")["sizeEstimate"] for id_ in ids]
        return gmail, {
            id_: mail.record(at, size)
            for at, (id_, mail, size) in enumerate(zip(ids, mails, sizes, strict=True))
        }


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with SandboxServer() as server:
        yield Accounts(server)


@given(st.lists(MAILS, min_size=1, max_size=4), st.data())
# Making a failing mailbox smaller would ask the sandbox for minutes.
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
def test_gmail_finds_what_the_clause_says(
    accounts: Accounts, mails: list[Mail], data: st.DataObject
) -> None:
    gmail, records = accounts.filled(mails)
    for _ in range(15):
        where = data.draw(CONDITIONS)
        query: dict[str, Any] = search(Call(query={"where": where}))
        found = set(gmail.ids(**query))
        expected = {id_ for id_, record in records.items() if matches(parse(where), record)}
        assert found == expected, f"{where} became {query}"
