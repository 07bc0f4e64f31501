"""Any JSON is either refused by field, or becomes a mail that says just what it said."""

from __future__ import annotations

import base64
import email
import email.policy
import random
from email.message import EmailMessage
from typing import Any

import pytest

from elements import fields
from elements.errors import ParameterError
from integrations.gmail import mail, mail_body
from integrations.gmail.reply import reply

TO = "user@example.com"
BOTH = "multipart/alternative(text/plain multipart/related(text/html image/png))"


def written(body: dict[str, Any]) -> EmailMessage:
    raw = mail.write(mail_body.read(body).mail)
    raw.decode("ascii")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))  # RFC 5322, 2.1.1
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


@pytest.mark.parametrize(
    "subject",
    ["", "plain", "Grüße", "日本語" * 100, "long " * 100, "x" * 600, "a, b: <c>"],
)
def test_a_subject_comes_back_as_it_was(subject: str) -> None:
    assert written({"to": TO, "subject": subject})["Subject"] == subject.strip()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a@example.com", ["a@example.com"]),
        ("a@example.com, b@example.com", ["a@example.com", "b@example.com"]),
        (["a@example.com", "b@example.com"], ["a@example.com", "b@example.com"]),
        ('"Last, First" <a@example.com>', ['"Last, First" <a@example.com>']),
        ("Käthe Müller <a@example.com>", ["Käthe Müller <a@example.com>"]),
        ("a@münchen.example", ["a@xn--mnchen-3ya.example"]),
    ],
)
def test_addresses_come_back_as_they_were(given: Any, shown: list[str]) -> None:
    assert [str(one) for one in written({"to": given})["To"].addresses] == shown


@pytest.mark.parametrize(
    "text", ["", "one", "a\nb\r\nc", "Grüße\n", "x" * 5_000, "日" * 2_000, ".\n"]
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    content = written({"to": TO, "text": text}).get_content()
    assert content.replace("\r\n", "\n").rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        ({}, "text/plain"),
        ({"text": "a"}, "text/plain"),
        ({"html": "a"}, "text/html"),
        ({"text": "a", "html": "b"}, "multipart/alternative(text/plain text/html)"),
        ({"text": "a", "files": [""]}, "multipart/mixed(text/plain image/png)"),
        ({"html": "a", "files": [""]}, "multipart/mixed(text/html image/png)"),
        ({"html": "a", "files": ["x"]}, "multipart/related(text/html image/png)"),
        (
            {"text": "a", "html": "b", "files": ["x", ""]},
            f"multipart/mixed({BOTH} image/png)",
        ),
    ],
)
def test_parts_stand_where_they_belong(body: dict[str, Any], tree: str) -> None:
    files = [
        {"filename": "a.png", "content": "AAAA", "contentId": content_id or None}
        for content_id in body.pop("files", [])
    ]

    def shape(part: EmailMessage) -> str:
        children = " ".join(shape(child) for child in part.iter_parts())  # type: ignore[arg-type]  # EmailMessages
        return part.get_content_type() + (f"({children})" if children else "")

    assert shape(written({"to": TO, "attachments": files, **body})) == tree


@pytest.mark.parametrize(
    ("filename", "media_type", "expected"),
    [
        ("a.pdf", None, "application/pdf"),
        ("a", None, "application/octet-stream"),
        ("a.eml", None, "application/octet-stream"),
        ("ä ö.csv", "text/csv; charset=utf-8", "text/csv"),
        ("日" * 80, "IMAGE/PNG", "image/png"),
        ('x"y\\z.txt', None, "text/plain"),
    ],
)
def test_a_file_comes_back_as_it_was(filename: str, media_type: Any, expected: str) -> None:
    content = bytes(range(256))
    file = {
        "filename": filename,
        "contentType": media_type,
        "content": base64.b64encode(content).decode(),
    }
    [attached] = written({"to": TO, "attachments": [file]}).iter_attachments()
    assert attached.get_filename() == filename
    assert attached.get_content_type() == expected
    assert attached.get_payload(decode=True) == content


def test_a_mail_above_gmails_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "LARGEST_MAIL", 1_000)
    with pytest.raises(ParameterError, match="1000 are allowed"):
        written({"to": TO, "text": "x\n" * 500})


def test_whatever_is_sent_becomes_no_other_header() -> None:
    """Values of every kind in every field: refused, or in their own header and nowhere else."""
    dice = random.Random(4)  # noqa: S311 no secret
    values: list[Any] = [
        None, 5, "", "x", [], {}, True, "é\n", "a@b.c", ["a@b.c"], "\ud800", "a" * 3000, "=?",
        "Näme, <x@y>", '"A, B" <a@ü.de>', "a@b,,", ":;", "(c)a@b.c", "x:a@b.c;", "a@[1.2.3.4]",
        "\x00", "<>", '"a b"@c.d', "a@b@c", "a@ b", f"a@{'ü' * 70}.de", "word " * 300,
        "a@b.c\r\nBcc: evil@example.com", "\rBcc: evil@example.com", "a\u2028Bcc: evil@example.com",
        "a@b.c\x85Bcc: evil@example.com", "<a@b.c>\x0bBcc: evil@example.com",
    ]  # fmt: skip
    names = [name for name in mail_body.FIELDS if name != "raw"]
    passed = 0
    for _ in range(1_500):
        body = {name: dice.choice(values) for name in dice.sample(names, dice.randint(0, 4))}
        body.setdefault("to", "a@b.c")
        if dice.random() < 0.3:
            body["headers"] = {dice.choice(["X-A", "Keywords", "Resent-To"]): dice.choice(values)}
        try:
            outgoing = mail_body.read(body)
            raw = mail.write(outgoing.mail)
        except ParameterError:
            continue
        passed += 1
        head = raw.partition(b"\r\n\r\n")[0]
        assert b"\nBcc: evil" not in head
        parsed = email.message_from_bytes(raw, policy=email.policy.default)
        assert [one.addr_spec for one in parsed["To"].addresses] == [
            one.addr_spec for one in outgoing.mail.to
        ]
    assert passed > 50


@pytest.mark.parametrize("break_", list(fields.LINE_BREAKS))
@pytest.mark.parametrize("name", ["to", "cc", "from", "replyTo", "subject", "headers.X-A"])
def test_no_line_break_of_any_kind_gets_into_a_header(name: str, break_: str) -> None:
    value = f"a@example.com{break_}Bcc: evil@example.com"
    body = {"headers": {"X-A": value}} if name == "headers.X-A" else {name: value}
    with pytest.raises(ParameterError) as caught:
        mail_body.read({"to": TO, **body})
    assert caught.value.path == name
    evil = f'"a{break_}Bcc: evil@example.com" <a@example.com>'
    for header in ("Reply-To", "Subject", "Message-ID", "References"):
        original = answered(From=TO, **{header: evil})
        raw = mail.write(reply(mail_body.read({"inReplyTo": "18c"}), original).mail)
        assert b"\nBcc" not in raw
        assert b"\rBcc" not in raw


def answered(**headers: str) -> dict[str, Any]:
    named = [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]
    return {"id": "18c", "threadId": "18b", "payload": {"headers": named}}


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("Hi", "Re: Hi"), ("RE: Hi", "RE: Hi"), ("re : Hi", "re : Hi"), ("", "Re: "),
     ("x\r\nBcc: a@b.c", "Re: x Bcc: a@b.c"), ("\0" * 9000, "Re: ")],
)  # fmt: skip
def test_a_reply_keeps_the_subject(subject: str, expected: str) -> None:
    made = reply(mail_body.read({"inReplyTo": "18c"}), answered(Subject=subject, From=TO))
    assert made.mail.subject.replace("\N{REPLACEMENT CHARACTER}", "")[:20] == expected
    assert made.thread_id == "18b"
    mail.write(made.mail)


def test_a_reply_refers_to_all_before_it() -> None:
    before = " ".join(f"<{number}@x>" for number in range(80))
    original = answered(References=before, From=TO, **{"Message-ID": "<last@x>"})
    made = reply(mail_body.read({"inReplyTo": "18c"}), original).mail
    assert made.in_reply_to == "<last@x>"
    assert len(made.references) == mail_body.MOST_REFERENCES
    assert (made.references[0], made.references[-2:]) == ("<0@x>", ("<79@x>", "<last@x>"))
    mail.write(made)


@pytest.mark.parametrize(
    ("headers", "to"),
    [
        ({"From": "a@b.c", "Reply_To": "d@e.f, g@h.i"}, ["d@e.f", "g@h.i"]),
        ({"From": "a@b.c", "Reply_To": "nobody"}, ["a@b.c"]),
        ({"From": "=?utf-8?q?K=C3=A4the?= <a@b.c>"}, ["a@b.c"]),
        ({"From": "=?ISO-8859-1?Q?M=FCller=2C_Hans?= <a@b.c>"}, ["a@b.c"]),
        (
            {"From": "a@b.c", "Reply_To": "=?utf-8?q?A=2C_B?= <d@e.f>,\r\n g@h.i"},
            ["d@e.f", "g@h.i"],
        ),
    ],
)
def test_a_reply_goes_where_the_sender_wants_it(headers: dict[str, str], to: list[str]) -> None:
    made = reply(mail_body.read({"inReplyTo": "18c"}), answered(**headers)).mail
    assert [one.addr_spec for one in made.to] == to


def test_what_the_reply_says_itself_stands() -> None:
    body = {
        "inReplyTo": "18c",
        "to": "x@y.z",
        "subject": "New",
        "threadId": "18a",
        "references": "<r@x>",
    }
    made = reply(mail_body.read(body), answered(From="a@b.c", Subject="Old"))
    assert ([str(one) for one in made.mail.to], made.mail.subject) == (["x@y.z"], "New")
    assert (made.thread_id, made.mail.references) == ("18a", ("<r@x>",))
