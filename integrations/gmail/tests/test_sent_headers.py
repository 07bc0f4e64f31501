"""Headers as they leave, looked at byte by byte: nothing is encoded that a machine reads."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elements.errors import ParameterError
from integrations.gmail import mail, mail_body
from integrations.gmail.mail_address import MailAddress, addresses_of
from integrations.gmail.tests import raw_mail

TO = "user@example.com"
LONG_ID = f"<AM0PR05MB{'0123456789ABCDEF' * 4}@AM0PR05MB6834.eurprd05.prod.example.com>"

LOCALS = st.from_regex(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,60}(\.[a-z0-9_+-]{1,20}){0,2}", fullmatch=True
)
HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?(\.[a-z]{2,12}){1,3}", fullmatch=True)
TEXTS = st.text(
    st.one_of(
        st.sampled_from(' ,;:<>@"\\()[].=?_äß日😀'),
        st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]),
    ),
    max_size=120,
)
NAMES = TEXTS.map(lambda text: " ".join(text.split()))


def sent(**body: Any) -> bytes:
    return mail.write(mail_body.read({"to": TO, "subject": "Hi", "text": "x", **body}).mail)


def headers(**body: Any) -> dict[str, bytes]:
    return raw_mail.headers_of(sent(**body))


def entry(name: str, spec: str) -> str:
    escaped = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}" <{spec}>' if name else spec


@settings(deadline=None, max_examples=60)
@given(people=st.lists(st.tuples(NAMES, LOCALS, HOSTS), min_size=1, max_size=20))
@example(people=[("", "aaaaaa", "example.org"), ("ä", "b", "example.org")] * 2)
@example(people=[("", f"{'0123456789' * 6}1", "example.org"), ("ä", "a", "example.org")])
@example(people=[(f"Größe, Nr. {n}", f"nr{n}", "example.org") for n in range(12)])
@example(people=[("Łucja Żółkiewska-Brzęczyszczykiewicz, Office", "to", "example.org")])
@example(people=[("=?utf-8?q?x?=", "a", "example.org"), ("x" * 500, "b", "example.org")])
def test_every_recipient_is_one_whatever_the_names_are(people: list[tuple[str, str, str]]) -> None:
    wanted = [(name, f"{local}@{host}") for name, local, host in people]
    given_names = [(name, spec) for name, spec in wanted if "=?" not in name]
    found = headers(to=[entry(*one) for one in wanted], cc=", ".join(entry(*one) for one in wanted))
    for name in ("to", "cc"):
        read = raw_mail.recipients(found[name])
        assert [spec for _, spec in read] == [spec for _, spec in wanted]
        assert [one for one in read if one in given_names] == given_names


@settings(deadline=None, max_examples=60)
@given(people=st.lists(st.tuples(NAMES, LOCALS, HOSTS), min_size=1, max_size=5))
def test_what_is_shown_of_an_address_is_read_as_that_address(
    people: list[tuple[str, str, str]],
) -> None:
    known = tuple(
        MailAddress(name, f"{local}@{host}") for name, local, host in people if "=?" not in name
    )
    if known:
        assert addresses_of(", ".join(str(one) for one in known)) == known


@settings(deadline=None, max_examples=60)
@given(subject=TEXTS.map(str.strip))
@example(subject="Grüße, viele Grüße, und noch mehr Grüße! Zwölf Grüße am Ende!Und Grüße")
@example(subject="a" * 300)
@example(subject="a" * 1_500)
@example(subject="ä" * 300)
@example(subject="two  blanks\tand a tab " * 9 + "x")
@example(subject="=?utf-8?q?as=20it=20stands?=")
def test_a_subject_is_read_as_it_was_given(subject: str) -> None:
    assert raw_mail.decoded(headers(subject=subject)["subject"]) == subject.strip()


def test_message_ids_stay_as_they_are_however_long() -> None:
    longest = f"<{'x' * 880}@example.com>"
    ids = ["<first@example.com>", LONG_ID, longest, *(f"<{n}{LONG_ID[1:]}" for n in range(40))]
    found = headers(inReplyTo=LONG_ID, references=ids)
    assert found["in-reply-to"] == LONG_ID.encode()
    assert found["references"].decode().split(" ") == ids


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Unsubscribe", f"<https://example.com/leave?who=user%40example.com&key={'0f' * 64}>"),
        ("List-Unsubscribe", f"<mailto:leave@example.com>, <https://example.com/{'a' * 90}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("X-Entity-Ref-ID", "0123456789abcdef" * 8),
        ("X-Token", "a" * 899),
        ("X-Spaced", "two  blanks,\tand a tab; " * 9 + "x"),
        ("X-Words", "=?utf-8?q?as=20it=20stands?="),
        ("Resent-To", f'"Last, First" <{"a" * 60}@example.com>, b@example.com'),
    ],
)
def test_a_further_header_in_ascii_stays_exactly_as_it_is(name: str, value: str) -> None:
    assert headers(headers={name: value})[name.lower()].decode() == value


def test_further_headers_that_are_not_ascii_keep_what_machines_read() -> None:
    listed = headers(headers={"List-Id": "Grüße aus  Köln <list.example.com>"})["list-id"]
    assert listed.endswith(b" <list.example.com>")
    assert raw_mail.decoded(listed) == "Grüße aus  Köln <list.example.com>"
    resent = headers(headers={"Resent-To": '"Müller, Hans" <hans@example.com>, b@example.com'})
    assert raw_mail.recipients(resent["resent-to"]) == [
        ("Müller, Hans", "hans@example.com"),
        ("", "b@example.com"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("X-Token", "a" * 1_200, "a word of more than 900 characters"),
        ("List-Unsubscribe", "<https://example.com/größe>", "must be ASCII between < and >"),
        ("Resent-To", "Müller, Hans <hans@example.com>", "is not an address"),
    ],
)
def test_a_header_that_no_mail_can_hold_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        headers(headers={name: value})
    assert caught.value.path == f"headers.{name}"


@settings(deadline=None, max_examples=60)
@given(filename=TEXTS.filter(str.strip))
@example(filename="Öffnungszeiten für Gäste.pdf")
@example(filename="時間表" * 60 + ".pdf")
@example(filename='a "quoted" name.pdf')
@example(filename="x" * 250 + ".txt")
def test_a_files_name_is_read_as_it_was_given(filename: str) -> None:
    file = {"filename": filename, "content": base64.b64encode(b"x").decode()}
    raw = sent(attachments=[file], html="<p>x</p>")
    part = raw.rpartition(b"Content-Type: ")[2]
    assert part.isascii()
    value = raw_mail.headers_of(b"Content-Type: " + part)["content-disposition"]
    assert raw_mail.filename(value) == filename


def test_only_words_that_fit_stand_beside_each_other_on_a_line() -> None:
    head = sent(to=[f"nr{n}@example.org" for n in range(60)], subject="word " * 60)
    assert all(len(line) <= 78 for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.c", [("", "a@b.c")]),
        ("A. Person <a@b.c>,, b@b.c,", [("A. Person", "a@b.c"), ("", "b@b.c")]),
        ("=?ISO-8859-1?Q?M=FCller=2C_Hans?= <a@b.c>", [("Müller, Hans", "a@b.c")]),
        ("=?utf-8?Q?Last, First?= <a@b.c>", [("Last, First", "a@b.c")]),
        ('"=?utf-8?q?K=C3=A4the?=" <a@b.c>', [("Käthe", "a@b.c")]),
        ("A (of (all) b) <a@b.c>", [("A (of (all) b)", "a@b.c")]),
        ("a@b.c (A person)", [("A person", "a@b.c")]),
        ("all: a@b.c, B <b@b.c>; c@b.c", [("", "a@b.c"), ("B", "b@b.c"), ("", "c@b.c")]),
        ('"a b"@b.c', [("", '"a b"@b.c')]),
        ("<a..b@b.c>", [("", '"a..b"@b.c')]),
        ("a@[1.2.3.4]", [("", "a@[1.2.3.4]")]),
        ("[Team] A <a@b.c>", [("[Team] A", "a@b.c")]),
        ('"A \\"B\\" \\\\" <a@b.c>', [('A "B" \\', "a@b.c")]),
        ("a@straße.example", [("", "a@xn--strae-oqa.example")]),
    ],
)
def test_addresses_are_read_in_every_form(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(one.name, one.addr_spec) for one in addresses_of(text)] == expected


@pytest.mark.parametrize(
    "text",
    ["", ",", "all:;", "a", "a@", "@b.c", "a b@c.d", "a@b@c", "Last, First <a@b.c>", "<a@b.c> b",
     "<a@b.c> <d@e.f>", '"a <a@b.c>', "a@b.c (x", "a@b.c; d@e.f", "ä@b.c", "a@b c", "<>", "a <>",
     f"{'a' * 400}@b.c", "a@.b", "a@b..c", f"a@{'ü' * 70}.de"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.compile("address|no end|follows|longer|a \\)")):
        addresses_of(text)


@settings(deadline=None, max_examples=60)
@given(text=st.text(st.sampled_from('a@.,;:<>()"\\ [=?]qü'), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = addresses_of(text)
    except ValueError:
        return
    assert found == addresses_of(", ".join(str(one) for one in found))
