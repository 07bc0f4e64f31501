"""history.list: chronological records with gaps, paging, filters, expiry."""

from itertools import chain, pairwise

import pytest

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail


@pytest.fixture
def start(gmail: Gmail) -> str:
    """The history id before the test's changes."""
    return str(gmail.get("/profile")["historyId"])


def test_nothing_new_is_only_the_current_id(gmail: Gmail, start: str) -> None:
    assert gmail.get("/history", startHistoryId=start) == {"historyId": start}


def test_records_are_chronological_with_gaps(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    delivered = control.deliver_many(30)
    records = gmail.get("/history", startHistoryId=start)["history"]
    ids = [int(record["id"]) for record in records]
    steps = {after - before for before, after in pairwise(ids)}
    assert ids == sorted(ids)
    assert len(steps) > 3
    assert min(steps) >= 1
    found = [record["messagesAdded"][0]["message"]["id"] for record in records]
    assert found == [message["id"] for message in delivered]


def test_message_takes_over_the_history_id_of_its_last_change(
    gmail: Gmail, control: SandboxControl
) -> None:
    message_id = control.deliver()["id"]
    before = gmail.get(f"/messages/{message_id}")["historyId"]
    control.label(message_id, add=["STARRED"])
    after = gmail.get(f"/messages/{message_id}")["historyId"]
    assert int(after) > int(before)
    assert after == gmail.get("/profile")["historyId"]


def test_trash_adds_trash_and_leaves_the_inbox(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    message_id = control.deliver()["id"]
    control.trash(message_id)
    record = gmail.get("/history", startHistoryId=start)["history"][-1]
    assert record["labelsAdded"][0]["labelIds"] == ["TRASH"]
    assert record["labelsRemoved"][0]["labelIds"] == ["INBOX"]
    assert record["labelsAdded"][0]["message"]["labelIds"] == ["UNREAD", "TRASH"]
    assert "messagesDeleted" not in record


def test_deleting_for_good_is_messages_deleted(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    message = control.deliver()
    control.delete(message["id"])
    added, deleted = gmail.get("/history", startHistoryId=start)["history"]
    short = {"id": message["id"], "threadId": message["threadId"]}
    assert added["messages"] == deleted["messages"] == [short]
    assert deleted["messagesDeleted"][0]["message"]["id"] == message["id"]
    assert gmail.ask("GET", f"/messages/{message['id']}").status_code == 404


def test_one_record_may_hold_several_messages(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    ids = [message["id"] for message in control.deliver_many(3)]
    gmail.post("/messages/batchModify", {"ids": ids, "removeLabelIds": ["UNREAD"]})
    record = gmail.get("/history", startHistoryId=start, historyTypes="labelRemoved")["history"]
    assert len(record) == 1
    assert [change["message"]["id"] for change in record[0]["labelsRemoved"]] == ids


def test_change_that_changes_nothing_leaves_no_record(
    gmail: Gmail, control: SandboxControl
) -> None:
    message_id = control.deliver(labels=["INBOX"])["id"]
    start = gmail.get("/profile")["historyId"]
    control.label(message_id, add=["INBOX"], remove=["UNREAD"])
    assert gmail.get("/history", startHistoryId=start) == {"historyId": start}


def test_pages_hold_a_hundred_by_default_and_five_hundred_at_most(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    control.deliver_many(620)
    usual = gmail.pages("/history", "history", startHistoryId=start)
    assert [len(page) for page in usual] == [100] * 6 + [20]
    large = gmail.pages("/history", "history", startHistoryId=start, maxResults=9999)
    assert [len(page) for page in large] == [500, 120]
    assert list(chain(*usual)) == list(chain(*large))


def test_full_last_page_has_no_further_one(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    control.deliver_many(20)
    pages = gmail.pages("/history", "history", startHistoryId=start, maxResults=10)
    assert [len(page) for page in pages] == [10, 10]


def test_types_are_filtered_inside_records(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    message_id = control.deliver()["id"]
    control.trash(message_id)
    control.delete(message_id)
    for kind, field in (
        ("messageAdded", "messagesAdded"),
        ("messageDeleted", "messagesDeleted"),
        ("labelAdded", "labelsAdded"),
        ("labelRemoved", "labelsRemoved"),
    ):
        records = gmail.get("/history", startHistoryId=start, historyTypes=kind)["history"]
        assert [set(record) for record in records] == [{"id", "messages", field}]
    both = gmail.get(
        "/history", startHistoryId=start, historyTypes=["messageAdded", "messageDeleted"]
    )
    assert len(both["history"]) == 2


def test_label_filter_keeps_messages_with_the_label(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    control.deliver(labels=["INBOX"])
    starred = control.deliver(labels=["INBOX", "STARRED"])["id"]
    records = gmail.get("/history", startHistoryId=start, labelId="STARRED")["history"]
    assert [record["messages"][0]["id"] for record in records] == [starred]


def test_expired_start_is_not_found_and_the_new_id_works(
    gmail: Gmail, control: SandboxControl, start: str
) -> None:
    control.deliver()
    current = gmail.get("/profile")["historyId"]
    fresh = control.expire_history()
    for old in (start, current):
        answer = gmail.ask("GET", "/history", startHistoryId=old)
        assert answer.status_code == 404
        assert answer.json()["error"]["errors"][0]["reason"] == "notFound"
    assert gmail.get("/profile")["historyId"] == fresh
    control.deliver()
    assert len(gmail.get("/history", startHistoryId=fresh)["history"]) == 1


@pytest.mark.parametrize("unknown", ["1", "99999999999999", "18446744073709551615"])
def test_id_that_was_never_issued_is_not_found(gmail: Gmail, unknown: str) -> None:
    assert gmail.ask("GET", "/history", startHistoryId=unknown).status_code == 404


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "startHistoryId"),
        ({"startHistoryId": "abc"}, "start_history_id"),
        ({"startHistoryId": "-1"}, "start_history_id"),
        ({"startHistoryId": "18446744073709551616"}, "start_history_id"),
        ({"startHistoryId": "٣"}, "start_history_id"),
        ({"startHistoryId": "5", "historyTypes": "mail"}, "history_types"),
        ({"startHistoryId": "5", "pageToken": "!"}, "pageToken"),
        ({"startHistoryId": "5", "pageToken": "bToxOjI"}, "pageToken"),
        ({"startHistoryId": "5", "maxResults": "-1"}, "max_results"),
        ({"startHistoryId": "5", "q": "x"}, '"q"'),
    ],
)
def test_wrong_parameters_are_named(gmail: Gmail, query: dict[str, str], said: str) -> None:
    answer = gmail.ask("GET", "/history", **query)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_a_seed_makes_ids_and_gaps_the_same_in_every_run() -> None:
    runs = []
    for _ in range(2):
        with SandboxServer(seed="same") as sandbox:
            sandbox.control.deliver_many(5)
            runs.append(sandbox.control.deliver_many(5))
    with SandboxServer(seed="another") as sandbox:
        other = sandbox.control.deliver_many(5)
    assert runs[0] == runs[1]
    assert {m["id"] for m in other}.isdisjoint(m["id"] for m in runs[0])


def test_mailboxes_do_not_see_each_other(gmail: Gmail, control: SandboxControl, start: str) -> None:
    control.create_mailbox("second@example.com")
    hidden = control.deliver("second@example.com")["id"]
    assert gmail.get("/history", startHistoryId=start) == {"historyId": start}
    assert gmail.ask("GET", f"/messages/{hidden}").status_code == 404
    assert gmail.get("/profile")["emailAddress"] == DEFAULT_MAILBOX
