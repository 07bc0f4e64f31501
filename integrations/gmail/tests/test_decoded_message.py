"""What a person reads in a message; hostile mails are read as far as they go."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from integrations.gmail import html_text
from integrations.gmail.decoded_message import content_of, decoded, title_of
from integrations.gmail.header_text import decoded as header

LONG = 400_000


def data(content: bytes | str) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(raw).decode()


def part(media_type: str, content: bytes | str = "", *children: Any, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"mimeType": media_type, "filename": "", "body": {"data": data(content)}}
    if children:
        made |= {"parts": list(children), "body": {"size": 0}}
    headers = [{"name": name, "value": value} for name, value in more.pop("headers", {}).items()]
    return {**made, "headers": headers, **more}


def message(payload: Any, **more: Any) -> dict[str, Any]:
    return decoded({"id": "1", "internalDate": "1769817600000", "payload": payload, **more})


def file_part(name: str, **more: Any) -> dict[str, Any]:
    return part("image/png", filename=name, body={"size": 3, "attachmentId": "A"}, **more)


def test_gmails_json_stays_as_it_is() -> None:
    whole = {"id": "1", "payload": part("text/plain", "Hi"), "more": [1]}
    assert {name: decoded(whole)[name] for name in whole} == whole


def test_a_mail_with_everything() -> None:
    alternative = part(
        "multipart/alternative",
        "",
        part("text/plain", "Plain\r\ntext"),
        part("multipart/related", "", part("text/html", "<b>Rich</b>"), file_part("logo.png")),
    )
    payload = part(
        "multipart/mixed",
        "",
        alternative,
        file_part("", headers={"Content-ID": "<logo@x>"}),
        headers={
            "Subject": "=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
            "From": "=?utf-8?q?K=C3=A4the?= <a@example.com>",
            "To": "b@example.com",
            "Date": "Sat, 31 Jan 2026 01:00:00 +0100",
        },
    )
    read = message(payload)
    assert read["subject"] == "Grüße"
    assert read["from"] == "Käthe <a@example.com>"
    assert (read["to"], read["cc"]) == ("b@example.com", None)
    assert read["date"] == "2026-01-31T00:00:00Z"
    assert (read["text"], read["html"]) == ("Plain\ntext", "<b>Rich</b>")
    assert read["attachments"] == [
        {"filename": "logo.png", "contentType": "image/png", "size": 3, "attachmentId": "A"},
        {
            "filename": "",
            "contentType": "image/png",
            "size": 3,
            "attachmentId": "A",
            "contentId": "logo@x",
        },
    ]


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("=?ISO-8859-1?Q?M=FCller=2C_Hans?= <a@b.c>", '"Müller, Hans" <a@b.c>'),
        ("=?utf-8?q?A=2C?= =?utf-8?q?_B?= <a@b.c>,\r\n =?utf-8?q?=C3=A4?= <d@e.f>",
         '"A, B" <a@b.c>, ä <d@e.f>'),
        ('"Last, First" <a@b.c>', '"Last, First" <a@b.c>'),
        ("=?utf-8?q?K=C3=A4the?= nobody", "Käthe nobody"),
        ("undisclosed-recipients:;", "undisclosed-recipients:;"),
    ],
)  # fmt: skip
def test_people_are_shown_as_they_can_be_written_to(header: str, shown: str) -> None:
    read = message(part("text/plain", "x", headers={"From": header, "To": header, "Cc": header}))
    assert (read["from"], read["to"], read["cc"]) == (shown, shown, shown)


def test_a_text_that_is_a_file_is_no_text() -> None:
    payload = part(
        "multipart/mixed",
        "",
        part("text/plain", "Body"),
        part("text/plain", "File", filename="a.txt"),
        part("text/plain", "File", headers={"Content-Disposition": "attachment"}),
        part("message/rfc822", "", part("text/plain", "A mail within")),
    )
    read = message(payload)
    assert read["text"] == "Body"
    assert [one["contentType"] for one in read["attachments"]] == [
        "text/plain",
        "text/plain",
        "message/rfc822",
    ]


def test_html_alone_is_made_text_too() -> None:
    html = (
        "<!doctype html><head><title>No</title><style>p{}</style></head><!-- no -->"
        "<p>One &amp;\n two<br>1 < 2</p><SCRIPT>no()</script><ul><li>three"
    )
    assert message(part("text/html", html))["text"] == "One & two\n1 < 2\n\nthree"


@pytest.mark.parametrize("tag", ['<img alt="a > b">', "<a title='x>y' href=z>", '<td x=">" y>'])
def test_a_bracket_within_quotes_ends_no_tag(tag: str) -> None:
    assert html_text.text_in(f"<p>before {tag}after</p>") == "before after"
    assert html_text.text_in(f"{tag}after <a title='no end>rest") == "after rest"


def test_only_what_was_read_is_decoded() -> None:
    assert decoded({"id": "1", "snippet": "x"}) == {"id": "1", "snippet": "x"}
    headers = [{"name": "Subject", "value": "Hi"}]
    read = decoded({"payload": {"mimeType": "text/plain", "headers": headers}})
    assert (read["subject"], read["date"]) == ("Hi", None)
    assert "text" not in read


@pytest.mark.parametrize(
    "payload",
    [
        {"headers": 5, "body": None},
        {"headers": [None, {"name": 1, "value": "x"}, {"name": "Subject"}], "body": []},
        {"mimeType": None, "parts": [None, 5, {"parts": "x"}]},
        {"mimeType": "text/plain", "body": {"data": 5}},
        {"mimeType": "text/plain", "body": {"data": "a"}, "filename": 7},
        {"mimeType": "text/plain", "body": {"data": "!é\ud800"}, "headers": []},
        {"mimeType": "image/png", "filename": "x", "body": {"size": True, "attachmentId": {}}},
        part("text/plain", b"\xff\xfe", headers={"Content-Type": 'text/plain; charset="a;b=\0'}),
        part("text/plain", b"\xff", headers={"Content-Type": "text/plain; charset=punycode"}),
        part("text/plain", "x", headers={"Date": "x" * 1000, "Subject": "\0\ud800"}),
    ],
)
def test_a_broken_mail_is_read_as_far_as_it_goes(payload: dict[str, Any]) -> None:
    read = message(payload, internalDate={"no": 1})
    assert read["id"] == "1"
    assert read["date"] is None
    for name in ("subject", "text", "html"):
        (read.get(name) or "").encode()


def test_a_mail_nested_without_end_is_read_in_bounded_time() -> None:
    nested: dict[str, Any] = part("text/plain", "Deep")
    for _ in range(5_000):
        nested = {"mimeType": "multipart/mixed", "parts": [nested, nested]}
    assert message(nested)["attachments"] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SGVsbG8", b"Hello"),
        ("SGVsbG8=", b"Hello"),
        ("SGVs bG8\n", b"Hello"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("SGVsbG8h" + "A", b"Hello!"),
        ("====", b""),
        ("", b""),
    ],
)
def test_base64_is_read_in_every_form(text: str, expected: bytes) -> None:
    assert content_of(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("a\r\n b", "a b"),
        ("=?iso-8859-1?Q?Gr=FC=DFe_x?=", "Grüße x"),
        ("=?utf-8?B?8J+YgA==?= =?utf-8?Q?!?=", "😀!"),
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"),
        ("Re: =?utf-8?q?x?= y", "Re: x y"),
        ("=?utf-8*de?q?x?=", "x"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?nosuch?q?x?=", "x"),
        ("=?UTF-8?Q?Your order is on its way?=", "Your order is on its way"),
        ("=?ISO-8859-1?Q?Th=E9 and bread, tw?=\r\n    =?ISO-8859-1?Q?o?=", "Thé and bread, two"),
        ("=?utf-8?Q?f=C3=B6=C3=B6\tbar?=", "föö\tbar"),
        ("=?UTF-8?B?SGVs bG8=?=", "Hello"),
        ("Re: =?UTF-8?Q?R=C3=A9union du 3 mai?=", "Re: Réunion du 3 mai"),
        ("=?UTF-8?Q?folded\r\n within?=", "folded within"),
        ("=?UTF-8?Q?Really?_Yes??= =?UTF-8?Q?!?=", "Really? Yes?!"),
        ("=?UTF-8?Q?Grüße_aus_K=C3=B6ln?=", "Grüße aus Köln"),
        ("=?UTF-8?Q??= x", "x"),
        ("=?a?q?x =?utf-8?q?y?=", "=?a?q?x y"),
        (f"=?utf-8?B?{base64.b64encode(('長い件名' * 999).encode()).decode()}?=", "長い件名" * 999),
        ("=?utf-8?q?line-K=C3=B6?=penick", "line-Köpenick"),
        ("=?gb2312?B?0MfG2tK7v6q74Q?=", "星期一开会"),
        (
            "=?utf-8?B?5q+P5pyI5oql5ZGKOuS4ieaciOeahOaV?=\r\n =?utf-8?B?sOWtlw==?=",
            "每月报告:三月的数字",
        ),
        ("=?utf-8?q?x", "=?utf-8?q?x"),
        ("=?utf-8?x?y?=", "=?utf-8?x?y?="),
    ],
)
def test_encoded_words_are_decoded(value: str, expected: str) -> None:
    assert header(value) == expected


def test_sanitized_html_cannot_run_anything() -> None:
    html = (
        "<p onclick='x()'>a<script>x()</script><img src=x onerror='x()'><iframe src=x></iframe>"
        "<a href='javascript:x()'>b</a><img src='cid:logo'><form action=x><input></form>"
    )
    safe = decoded({"payload": part("text/html", html)}, sanitize=True)["html"]
    assert safe == ('<p>a<img src="x"><a rel="noopener noreferrer">b</a><img src="cid:logo"></p>')


def test_a_character_beyond_all_numbers_is_read() -> None:
    assert html_text.text_in(f"a&#{'9' * 5_000};b&#65;") == "a\N{REPLACEMENT CHARACTER}bA"


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<b>", "<div></x>", "<p><font a>", "<table><td></div>", "<a href=x>", "&", "&nbsp;",
     "&<td>", "<select>&<p>", "<table>x<br>", "<table><td></table><table><tr>&amp;a",
     "<table><!-- --!><br>", "<table><x a='</table>'><br>", "<svg><td></svg><br>"],
)  # fmt: skip
def test_html_built_to_keep_a_reader_busy_is_not_sanitized(unit: str) -> None:
    html = unit * (LONG // len(unit))
    read = decoded({"payload": part("text/html", html)}, sanitize=True)
    assert read["html"] is None
    assert decoded({"payload": part("text/html", html)})["html"] == html


def test_a_long_ordinary_mail_is_sanitized() -> None:
    html = "<table>" + "<tr><td><p>Cell <b>bold</b><br>" * 5_000 + "</table>"
    safe = html_text.safe(html)
    assert safe is not None
    assert safe.count("<b>bold</b>") == 5_000


@pytest.mark.parametrize(
    "html",
    [
        "<title>A &amp; B</title><table>\n<tr>\n" + "<td>&nbsp;</td>\n" * 3_000 + "</tr></table>",
        "<!--[if mso]><table><tr><td><![endif]-->" + "<p>One & two&nbsp;" * 20_000,
        "<table><tr><td><table><tr><td>x</table>" + "<div>Tom & Jerry</div>" * 9_000,
        "<style>a > b { color: red }</style>" + "<br>© " * 50_000,
        "<pre>" + "if a &lt; b &gt; c: &quot;d&quot;\n" * 20_000,
        "<svg></svg>" + "<td>cell" * 500,
    ],
)
def test_what_mails_have_is_sanitized(html: str) -> None:
    assert len(html) < html_text.LONGEST
    assert html_text.safe(html) is not None


def test_a_mail_is_known_by_its_subject_and_sender() -> None:
    headers = {"Subject": "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "From": "=?utf-8?q?K=C3=A4the?= <a@b.c>"}
    assert title_of({"payload": part("text/plain", headers=headers)}) == ("Grüße", "Käthe <a@b.c>")
    for record in ({}, {"payload": None}, {"payload": {"headers": [{"name": 1}]}}):
        assert title_of(record) == (None, None)
