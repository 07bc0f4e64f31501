"""messages.list: what `q`, `labelIds` and the rest find, and in which order."""

from collections.abc import Callable

import pytest

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.server import SandboxServer

from .conftest import Gmail

Find = Callable[..., set[str]]
DAY = 86_400_000
NOVEMBER_1 = 1_793_520_000_000  # 2026-11-01T08:00:00Z, midnight in Pacific Standard Time


@pytest.fixture
def find(control: SandboxControl, sandbox: SandboxServer) -> Find:
    """Searches a mailbox of named mails; answers the names of those found."""
    control.create_mailbox("search@example.com")
    names: dict[str, str] = {}

    def put(name: str, **mail: object) -> None:
        options = {"subject": name, "labels": ["INBOX"], "internal_date": NOVEMBER_1} | mail
        names[control.deliver("search@example.com", **options)["id"]] = name  # type: ignore[arg-type]  # fields of the API

    put("invoice", sender="Billing <billing@shop.example.com>", text="The sum due is 20 euro")
    put(
        "lunch",
        sender="colleague@example.com",
        text="Half past twelve?",
        labels=["INBOX", "UNREAD"],
    )
    put("report", text="Quarterly numbers", attachments=[{"filename": "q.txt", "text": "1"}])
    put("old", internal_date=NOVEMBER_1 - 1)
    put("new", internal_date=NOVEMBER_1 + 3 * DAY, labels=["INBOX", "STARRED"])
    put("filed", labels=["Clients/Big One"])
    put("junk", labels=["SPAM"])
    put("binned", labels=["TRASH"])
    copied = {"Cc": "third@example.com", "Message-ID": "<a@b>", "List-ID": "<news.example.com>"}
    put("copied", to="list@example.com", headers=copied | {"Delivered-To": "fourth@example.com"})
    gmail = Gmail(sandbox.url, control.sign_in("search@example.com")["access_token"])

    def find(q: str = "", **more: str | list[str]) -> set[str]:
        return {names[found] for found in gmail.ids(**({"q": q} if q else {}), **more)}

    return find


USUAL = {"invoice", "lunch", "report", "old", "new", "filed", "copied"}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", USUAL),
        ("from:billing@shop.example.com", {"invoice"}),
        ("from:billing", {"invoice"}),
        ("from:bill", set()),
        ("FROM:Billing", {"invoice"}),
        ("to:list@example.com", {"copied"}),
        ("to:third@example.com", {"copied"}),
        ("subject:lunch", {"lunch"}),
        ("subject:twelve", set()),
        ("twelve", {"lunch"}),
        ('"half past twelve"', {"lunch"}),
        ('"past half"', set()),
        ("half twelve", {"lunch"}),
        ("half euro", set()),
        ("half OR euro", {"lunch", "invoice"}),
        ("is:unread half OR euro", {"lunch"}),
        ("{half euro}", {"lunch", "invoice"}),
        ("(half past) OR subject:(report)", {"lunch", "report"}),
        ("from:(billing OR colleague)", {"invoice", "lunch"}),
        ("-is:unread -subject:old -in:inbox", {"filed"}),
        ("-{subject:lunch subject:old}", USUAL - {"lunch", "old"}),
        ("is:unread", {"lunch"}),
        ("is:read", USUAL - {"lunch"}),
        ("is:starred", {"new"}),
        ("has:attachment", {"report"}),
        ("cc:third@example.com", {"copied"}),
        ("cc:list@example.com", set()),
        ("bcc:third@example.com", set()),
        ("deliveredto:fourth@example.com", {"copied"}),
        ("list:news.example.com", {"copied"}),
        ("filename:q.txt", {"report"}),
        ("filename:txt", {"report"}),
        ("filename:pdf", set()),
        ("filename:report", set()),
        ("-filename:txt", USUAL - {"report"}),
        ("larger:1M", set()),
        ("larger:10", USUAL),
        ("larger:600", {"report"}),
        ("smaller:1K", USUAL),
        ("smaller:10", set()),
        ("category:primary", set()),
        ("label:clients-big-one", {"filed"}),
        ('label:"Clients/Big One"', {"filed"}),
        ("label:nosuch", set()),
        ("in:inbox", USUAL - {"filed"}),
        ("in:spam", {"junk"}),
        ("in:trash", {"binned"}),
        ("label:trash", {"binned"}),
        ("in:anywhere", USUAL | {"junk", "binned"}),
        ("rfc822msgid:a@b", {"copied"}),
        ("rfc822msgid:<a@b>", {"copied"}),
        (f"after:{NOVEMBER_1 // 1000}", USUAL - {"old"}),
        (f"after:{NOVEMBER_1 // 1000 + 1}", {"new"}),
        (f"before:{NOVEMBER_1 // 1000}", {"old"}),
        ("after:2026/11/01", USUAL - {"old"}),
        ("after:2026/11/1 before:2026-11-02", USUAL - {"old", "new"}),
        ("older:2026/11/01", {"old"}),
        ("older_than:99y", set()),
        ("newer_than:99y", USUAL),
        (")(", USUAL),
        ("{", USUAL),
        ('"', USUAL),
        ("-", USUAL),
        ("OR OR lunch OR", {"lunch"}),
        ("nosuchoperator:lunch", set()),
        ("'; DROP TABLE message; --", set()),
    ],
)
def test_query_finds(find: Find, q: str, found: set[str]) -> None:
    assert find(q) == found


def test_label_ids_are_joined_by_and(find: Find) -> None:
    assert find(labelIds=["INBOX", "UNREAD"]) == {"lunch"}
    assert find(labelIds="TRASH") == {"binned"}


def test_spam_and_trash_are_listed_when_asked_for(find: Find) -> None:
    assert find(includeSpamTrash="true") == USUAL | {"junk", "binned"}


@pytest.mark.parametrize(
    "q", ["after:yesterday", "after:2026/13/01", "newer_than:2w", "larger:x", "a " * 201]
)
def test_query_that_cannot_be_read_is_named(gmail: Gmail, q: str) -> None:
    answer = gmail.ask("GET", "/messages", q=q)
    assert answer.status_code == 400
    assert "query" in answer.json()["error"]["message"]


def test_unknown_label_id_is_named(gmail: Gmail) -> None:
    answer = gmail.ask("GET", "/messages", labelIds="Label_99")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Invalid label: Label_99"


def test_newest_first_and_every_message_once_over_pages(
    gmail: Gmail, control: SandboxControl
) -> None:
    for day in (3, 1, 2):
        control.deliver_many(4, internal_date=NOVEMBER_1 + day * DAY, labels=["Days"])
    label_id = control.create_label("Days")["label_id"]
    ids = gmail.ids(labelIds=label_id, maxResults=5)
    dates = [int(gmail.get(f"/messages/{found}")["internalDate"]) for found in ids]
    assert len(set(ids)) == 12
    assert dates == sorted(dates, reverse=True)


def test_mail_that_arrives_between_pages_shifts_nothing(
    gmail: Gmail, control: SandboxControl
) -> None:
    before = gmail.ids()
    first = gmail.get("/messages", maxResults=2)
    control.deliver()
    rest = gmail.get("/messages", pageToken=first["nextPageToken"])
    assert [m["id"] for m in first["messages"] + rest["messages"]] == before


def test_empty_result_has_no_list(gmail: Gmail) -> None:
    assert gmail.get("/messages", q="nothinglikethis") == {"resultSizeEstimate": 0}


def test_threads_are_listed_once_by_their_newest_match(
    gmail: Gmail, control: SandboxControl
) -> None:
    first = control.deliver(subject="Talk", headers={"Message-ID": "<first@example.com>"})
    reply = control.deliver(
        subject="Re: Talk", headers={"In-Reply-To": "<first@example.com>"}, text="A reply"
    )
    other = control.deliver(subject="Other")
    assert reply["threadId"] == first["id"] != reply["id"]
    threads = gmail.get("/threads", maxResults=2)["threads"]
    assert [thread["id"] for thread in threads] == [other["id"], first["id"]]
    assert threads[1]["snippet"] == "A reply"
    whole = gmail.get(f"/threads/{first['id']}", format="minimal")
    assert [message["id"] for message in whole["messages"]] == [first["id"], reply["id"]]
