"""Every part of a mail is read or listed: none vanishes, and none is read twice."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.gmail.decoded_message import unread_texts
from integrations.gmail.tests.test_decoded_message import data, file_part, message, part

HTML = part("text/html", "<p>In HTML</p>")
PLAIN = part("text/plain", "Plain")
PDF = file_part("offer.pdf")


def mixed(*parts: Any, kind: str = "mixed") -> dict[str, Any]:
    return part(f"multipart/{kind}", "", *parts)


@pytest.mark.parametrize(
    ("payload", "text", "html"),
    [
        (mixed(PLAIN, PDF, HTML), "Plain\nIn HTML", "<div>Plain</div>\n<p>In HTML</p>"),
        (mixed(HTML, PLAIN), "In HTML\nPlain", "<p>In HTML</p>\n<div>Plain</div>"),
        (mixed(PLAIN, HTML, kind="alternative"), "Plain", "<p>In HTML</p>"),
        (mixed(HTML, PDF, HTML), "In HTML\nIn HTML", "<p>In HTML</p>\n<p>In HTML</p>"),
        (
            mixed(PLAIN, mixed(HTML, PDF, part("text/html", "<p>End")), kind="alternative"),
            "Plain",
            "<p>In HTML</p>\n<p>End",
        ),
        (
            mixed(mixed(PLAIN, HTML, kind="alternative"), part("text/plain", "a <b>\nc")),
            "Plain\na <b>\nc",
            "<p>In HTML</p>\n<div>a &lt;b&gt;<br>c</div>",
        ),
        (
            mixed(*[mixed(PLAIN, HTML, kind="alternative")] * 2),
            "Plain\nPlain",
            "<p>In HTML</p>\n<p>In HTML</p>",
        ),
        (mixed(part("text/plain", " \n"), HTML, kind="alternative"), "In HTML", "<p>In HTML</p>"),
        (mixed(part("text/plain", "In HTML"), HTML), "In HTML", "<p>In HTML</p>"),
        (mixed(PLAIN, PLAIN), "Plain\nPlain", None),
    ],
)
def test_what_goes_on_in_another_form_is_read_to_its_end(
    payload: Any, text: str, html: str | None
) -> None:
    read = message(payload)
    assert (read["text"], read["html"]) == (text, html)


@pytest.mark.parametrize(
    "media_type",
    ["text/calendar", "message/delivery-status", "text/rfc822-headers", "text/x-amp-html",
     "application/pgp-signature", "message/disposition-notification", "image/png", "text/rtf"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["mixed", "alternative", "report"])
def test_a_part_without_a_name_is_listed_with_its_content(media_type: str, kind: str) -> None:
    nameless = part(media_type, "Status: 5.1.1")
    read = message(mixed(PLAIN, nameless, HTML, kind=kind))
    assert [(one["contentType"], one["filename"]) for one in read["attachments"]] == [
        (media_type, "")
    ]
    assert read["attachments"][0]["data"] == data("Status: 5.1.1")
    assert "Plain" in read["text"]
    alone = message(nameless)
    assert (alone["attachments"], alone["text"], alone["html"]) == (read["attachments"], "", "")


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"Content-Disposition": 'attachment; filename=""'}, ""),
        ({"Content-Type": 'text/plain; name="a.txt"'}, "a.txt"),
        ({"Content-Disposition": "attachment; filename*=utf-8''%C3%A4.txt"}, "ä.txt"),
        ({"Content-Disposition": 'inline; filename="=?utf-8?q?=C3=A4.txt?="'}, "ä.txt"),
    ],
)
def test_an_empty_name_is_looked_for_in_the_headers(headers: dict[str, str], name: str) -> None:
    read = message(mixed(PLAIN, part("text/plain", "File", headers=headers)))
    assert read["text"] == "Plain"
    assert [one["filename"] for one in read["attachments"]] == [name]


def test_a_text_that_was_not_fetched_is_listed() -> None:
    long = part("text/plain", body={"size": 9, "attachmentId": "A"})
    payload = mixed(long, file_part("a.txt"))
    assert unread_texts({"id": "1", "payload": payload}) == [long["body"]]
    assert [one["attachmentId"] for one in message(payload)["attachments"]] == ["A", "A"]
