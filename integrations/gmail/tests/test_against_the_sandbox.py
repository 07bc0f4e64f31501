"""The feed over a real socket, through both runners, against the Gmail sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from elements.calls import Call, Change, Changes, ChangeType, PollCall
from integrations.gmail.changed_messages import changed_messages, list_changed_messages
from integrations.gmail.resources.messages import get_message, list_messages
from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.tests.stand_in import ENTRY
from transport import sync
from transport.asynchronous import AsyncRunner, open_session
from transport.errors import ProviderError
from transport.types import Account, KnownObjects


class Token:
    """An authorizer that has nothing but the token it was given."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access_token(self) -> str:
        return self._token

    def refresh(self, rejected: str) -> str:
        return rejected

    async def arefresh(self, rejected: str) -> str:
        return rejected


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def gmail(sandbox: SandboxServer, settings: Settings, request: pytest.FixtureRequest) -> Watched:
    """A mailbox of this test's own, and a poller that starts at its present state."""
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    address = f"test{abs(hash(request.node.nodeid))}@example.com"
    sandbox.control.create_mailbox(address)
    token = sandbox.control.sign_in(address)["access_token"]
    return Watched(sandbox.control, address, Account(sandbox.url, Token(token)))


class Watched:
    """One mailbox, and what the platform would keep of it between polls."""

    def __init__(self, control: SandboxControl, address: str, account: Account) -> None:
        self.control = control
        self.address = address
        self.account = account
        self.known: dict[str, str] = {}
        self.caught_up_at: datetime | None = None
        self.unfetched: Changes | None = None
        self.cursor: str | None = None

    def poll(self, *, runner: str = "sync", message_format: str = "metadata") -> Changes:
        call = PollCall(
            entry=ENTRY,
            cursor=self.cursor,
            started_at=datetime.now(UTC),
            configuration={"gmail.message.format": message_format},
            caught_up_at=self.caught_up_at,
            unfetched=self.unfetched.unfetched if self.unfetched else (),
        )
        found = self._run_async(call) if runner == "async" else self._run_sync(call)
        self.cursor, self.caught_up_at, self.unfetched = found.cursor, call.started_at, found
        self.known |= {change.object_id: change.fingerprint for change in found.changes}
        return found

    def _answer(self, _: KnownObjects) -> Mapping[str, str]:
        return dict(self.known)

    def _run_sync(self, call: PollCall) -> Changes:
        return sync.run(changed_messages(call), self.account, known=self._answer)

    def _run_async(self, call: PollCall) -> Changes:
        async def known(question: KnownObjects) -> Mapping[str, str]:
            return self._answer(question)

        async def run() -> Changes:
            async with open_session(20) as session:
                return await AsyncRunner(session).run(
                    changed_messages(call), self.account, known=known
                )

        return asyncio.run(run())

    def deliver(self, **mail: object) -> str:
        return str(self.control.deliver(self.address, **mail)["id"])  # type: ignore[arg-type]  # fields of the API


def kinds(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    return [(change.object_id, change.change_type.value) for change in changes]


@pytest.mark.parametrize("runner", ["sync", "async"])
def test_mail_labels_and_deletions_are_found(gmail: Watched, runner: str) -> None:
    old = gmail.deliver(subject="old")
    assert gmail.poll(runner=runner).changes == ()
    new = gmail.deliver(subject="new")
    gmail.control.label(old, add=["STARRED"], address=gmail.address)
    found = gmail.poll(runner=runner)
    assert kinds(found.changes) == [(new, "CREATED"), (old, "UPDATED")]
    record = found.changes[0].record
    headers = {one["name"]: one["value"] for one in record["payload"]["headers"]}
    assert headers["Subject"] == "new"
    assert {"id", "threadId", "historyId", "labelIds", "changeType"} <= set(record)
    assert "STARRED" in found.changes[1].record["labelIds"]
    gmail.control.trash(new, gmail.address)
    gmail.control.delete(old, gmail.address)
    assert kinds(gmail.poll(runner=runner).changes) == [(new, "UPDATED"), (old, "DELETED")]
    assert gmail.poll(runner=runner).changes == ()


def test_600_mails_at_once_are_all_found_oldest_first(gmail: Watched) -> None:
    gmail.poll()
    ids = [str(mail["id"]) for mail in gmail.control.deliver_many(600, gmail.address)]
    found: list[str] = []
    for _ in range(3):
        changes = gmail.poll(runner="async", message_format="minimal").changes
        assert len(changes) == 200
        found += [change.object_id for change in changes]
    assert found == ids
    assert gmail.poll().unfetched == ()


def test_a_poisoned_mail_blocks_no_other(gmail: Watched) -> None:
    gmail.poll()
    poisoned = gmail.deliver(subject="poisoned")
    fine = gmail.deliver(subject="fine")
    fault = {"match": {"path": f"/gmail/v1/users/me/messages/{poisoned}"}}
    number = gmail.control.add_fault(fault["match"], {"status": 403, "reason": "forbidden"})
    assert number
    found = gmail.poll()
    gmail.control.clear_faults()
    assert kinds(found.changes) == [(fine, "CREATED")]
    assert [waiting.object_id for waiting in found.unfetched] == [poisoned]
    assert kinds(gmail.poll().changes) == [(poisoned, "CREATED")]


@pytest.mark.parametrize("message_format", ["minimal", "metadata", "full", "raw"])
def test_every_format_is_fetched(gmail: Watched, message_format: str) -> None:
    gmail.poll()
    new = gmail.deliver(subject="new", text="the body")
    (change,) = gmail.poll(message_format=message_format).changes
    assert kinds((change,)) == [(new, "CREATED")]
    assert ("raw" in change.record) == (message_format == "raw")
    assert ("payload" in change.record) == (message_format in ("metadata", "full"))
    assert ("body" in change.record.get("payload", {})) == (message_format == "full")


def test_a_rejected_token_is_an_error_of_the_poll(gmail: Watched) -> None:
    gmail.poll()
    gmail.control.expire_access_tokens(gmail.address)
    before = gmail.cursor
    with pytest.raises(ProviderError) as caught:
        gmail.poll()
    assert caught.value.status == 401
    assert gmail.cursor == before


def test_messages_are_searched_and_read(gmail: Watched) -> None:
    gmail.deliver(subject="other")
    wanted = gmail.deliver(subject="wanted", sender="someone@example.com")
    query = {"where": "from='someone@example.com' AND subject='wanted'"}
    page = sync.run(list_messages(Call(query=query)), gmail.account)
    assert [record["id"] for record in page.records] == [wanted]
    message = sync.run(
        get_message(Call(path={"id": wanted}, query={"format": "minimal"})), gmail.account
    )
    assert message["id"] == wanted
    assert "payload" not in message


def test_a_person_reads_what_changed(gmail: Watched) -> None:
    start = sync.run(list_changed_messages(Call()), gmail.account).next_token
    ids = [gmail.deliver(subject=f"{number}") for number in range(7)]
    call = Call(query={"historyId": start}, page_size=3)
    seen: list[str] = []
    for _ in range(6):
        page = sync.run(list_changed_messages(call), gmail.account)
        seen += [record["id"] for record in page.records]
        if not page.next_token:
            break
        call = Call(query=call.query, page_size=3, page_token=page.next_token)
    assert seen == ids
    assert gmail.cursor is None, "no poller's cursor moved"


def test_what_was_created_while_put_aside_stays_created(gmail: Watched) -> None:
    gmail.poll()
    new = gmail.deliver(subject="new")
    match = {"path": f"/gmail/v1/users/me/messages/{new}"}
    gmail.control.add_fault(match, {"status": 403, "reason": "forbidden"}, times=1)
    assert [one.change_type for one in gmail.poll().unfetched] == [ChangeType.CREATED]
    gmail.control.label(new, add=["STARRED"], address=gmail.address)
    (change,) = gmail.poll().changes
    assert change.change_type is ChangeType.CREATED
    assert "STARRED" in change.record["labelIds"]
