"""What a person reads in a message of Gmail: decoded out of its parts.

Rule 1: mails are hostile. Whatever is missing, broken or of another type than Gmail's is passed
over; nothing here raises, and the time grows with the message's size.
Rule 2: the vendor's JSON stays as it is. What is decoded stands beside it.
Sources: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
RFC 2045 to 2047, RFC 2183 (Content-Disposition).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import collapse_rfc2231_value, parsedate_to_datetime
from html import escape
from itertools import groupby
from typing import Any

from integrations.gmail import charsets, header_text, html_text
from integrations.gmail.history import is_safe_id
from integrations.gmail.mail_address import addresses_of

MOST_PARTS = 2_000
LONGEST_HEADER = 50_000  # characters of a header that are looked at
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ATTACHMENT_ID = re.compile(r"(?!\.{1,2}$)[0-9A-Za-z._~-]{1,2000}")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


@dataclass(frozen=True, slots=True)
class _Piece:
    """One stretch of what a person reads: as plain text, as HTML, or as both alternatives."""

    text: str | None = None
    html: str | None = None

    @property
    def as_text(self) -> str:
        return html_text.text_in(self.html or "") if self.text is None else self.text

    @property
    def as_html(self) -> str:
        if self.html is not None:
            return self.html
        return f"<div>{'<br>'.join(escape(self.text or '').splitlines())}</div>"


def decoded(message: Mapping[str, Any], *, sanitize: bool = False) -> dict[str, Any]:
    """The message with `subject`, `from`, `to`, `cc`, `date`, `text`, `html` and `attachments`.

    Headers are text, null where there are none; `date` is in UTC, of the Date header or else of
    Gmail's receipt. Where a mail goes on in HTML after plain text, or the other way round, `text`
    and `html` each hold all of it; `html` is null where no part is HTML, and
    "" as `text` is where no part is either. `text`, `html` and
    `attachments` are there only where the message was read in full, headers only where it has a
    payload. With `sanitize`, `html` holds nothing that could run, or load but
    images; it is null where it is built to keep a reader busy.
    """
    payload = message.get("payload")
    if not isinstance(payload, Mapping):
        return dict(message)
    headers = _headers(payload)
    raw = raw_headers_of(message)
    shown: dict[str, Any] = {
        **message,
        "subject": headers.get("subject"),
        "from": _people(raw.get("from")),
        "to": _people(raw.get("to")),
        "cc": _people(raw.get("cc")),
        "date": _date(headers.get("date"), message.get("internalDate")),
    }
    if "body" not in payload and "parts" not in payload:
        return shown  # format=metadata
    attachments: list[dict[str, Any]] = []
    pieces = _pieces(payload, attachments)
    text = "\n".join(piece.as_text for piece in pieces)
    html = None if pieces else ""
    if any(piece.html is not None for piece in pieces):
        html = "\n".join(piece.as_html for piece in pieces)
    if html is not None and sanitize:
        html = html_text.safe(html)
    return {**shown, "text": text, "html": html, "attachments": attachments}


def title_of(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The subject and the sender, as far as the message has them."""
    headers = raw_headers_of(message)
    subject = headers.get("subject")
    return (None if subject is None else header_text.decoded(subject)), _people(headers.get("from"))


def is_attachment_id(value: object) -> bool:
    """Whether this can be an attachment's id: it goes into paths, so it must not lead elsewhere."""
    return isinstance(value, str) and _ATTACHMENT_ID.fullmatch(value) is not None


def unread_texts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The bodies of texts that Gmail only gave an id of, as they are too long for its answer."""
    payload = message.get("payload")
    if not isinstance(payload, Mapping) or not is_safe_id(message.get("id")):
        return []
    found: list[dict[str, Any]] = []
    for part, _ in _parts(payload):
        body = part.get("body")
        if _is_text(part) and isinstance(body, dict) and not body.get("data"):
            found += [body] if is_attachment_id(body.get("attachmentId")) else []
    return found


def content_of(data: object) -> bytes:
    """Bytes of Base64 in either alphabet, padded or not; what isn't Base64 is passed over."""
    if not isinstance(data, str):
        return b""
    plain = data.encode("ascii", "ignore").replace(b"-", b"+").replace(b"_", b"/")
    plain = _NOT_BASE64.sub(b"", plain)
    if len(plain) % 4 == 1:  # no byte fits into six bits
        plain = plain[:-1]
    try:
        return binascii.a2b_base64(plain + b"=" * (-len(plain) % 4))
    except binascii.Error:
        return b""


def headers_of(message: Mapping[str, Any]) -> dict[str, str]:
    """The top headers of a message by lower-case name, each the first of its name, decoded."""
    payload = message.get("payload")
    return _headers(payload) if isinstance(payload, Mapping) else {}


def raw_headers_of(message: Mapping[str, Any]) -> dict[str, str]:
    """The top headers as `headers_of` has them, but with encoded words as they came.

    A header of addresses is read before it is decoded: a name may hold commas (RFC 2047, 6.2).
    """
    payload = message.get("payload")
    return _raw_headers(payload) if isinstance(payload, Mapping) else {}


def _people(header: str | None) -> str | None:
    """A header of addresses, decoded so that it can be sent to: names are quoted where needed."""
    if header is None or "=?" not in header:
        return None if header is None else header_text.decoded(header)
    try:
        return ", ".join(str(address) for address in addresses_of(header))
    except ValueError:
        return header_text.decoded(header)


def _headers(part: Mapping[str, Any]) -> dict[str, str]:
    return {name: header_text.decoded(value) for name, value in _raw_headers(part).items()}


def _raw_headers(part: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    headers = part.get("headers")
    for header in headers if isinstance(headers, list) else ():
        if not isinstance(header, Mapping):
            continue
        name, value = header.get("name"), header.get("value")
        if isinstance(name, str) and isinstance(value, str):
            found.setdefault(name.lower(), value[:LONGEST_HEADER])
    return found


def _parts(payload: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], tuple[int, ...]]]:
    """The leaves, in order, each with the alternatives that it is in.

    An alternative is a choice's number and the child's within it (RFC 2046, 5.1.4), of the
    outermost choice alone. A mail within the mail is a leaf: an attachment.
    """
    waiting: list[tuple[object, tuple[int, ...]]] = [(payload, ())]
    for number in range(MOST_PARTS):
        if not waiting:
            return
        part, choice = waiting.pop()
        if not isinstance(part, Mapping):
            continue
        children = part.get("parts")
        media_type = _media_type(part)
        if not (isinstance(children, list) and children) or media_type == "message/rfc822":
            yield part, choice
        elif media_type == "multipart/alternative" and not choice:
            waiting += reversed([(child, (number, i)) for i, child in enumerate(children)])
        else:
            waiting += [(child, choice) for child in reversed(children)]


def _pieces(payload: Mapping[str, Any], attachments: list[dict[str, Any]]) -> list[_Piece]:
    """What a person reads, in order; every other leaf goes to `attachments`."""
    pieces: list[_Piece] = []
    for choice, leaves in groupby(_parts(payload), key=lambda leaf: leaf[1][:1]):
        read: list[tuple[int, _Piece]] = []
        for part, place in leaves:
            piece = _piece(part)
            if piece is not None:
                read.append((place[1] if place else 0, piece))
            elif not _is_blank(part):
                attachments.append(_attachment(part))
        pieces += [_chosen(read)] if choice and read else [piece for _, piece in read]
    return _without_repetition(pieces)


def _chosen(read: list[tuple[int, _Piece]]) -> _Piece:
    """One piece of alternatives: the first that has plain text, the last that has HTML."""
    alternatives: dict[int, list[_Piece]] = {}
    for number, piece in read:
        alternatives.setdefault(number, []).append(piece)
    text = html = None
    for pieces in alternatives.values():
        if text is None and any(piece.text is not None for piece in pieces):
            text = "\n".join(piece.as_text for piece in pieces)
        if any(piece.html is not None for piece in pieces):
            html = "\n".join(piece.as_html for piece in pieces)
    return _Piece(text, html)


def _without_repetition(pieces: list[_Piece]) -> list[_Piece]:
    """Some mailers send alternatives as parts that follow each other: one piece, where equal."""
    kept: list[_Piece] = []
    for piece in pieces:
        before = kept[-1] if kept else _Piece()
        is_html_of = before.html is None and before.text is not None and piece.text is None
        if is_html_of and before.as_text.split() == piece.as_text.split():
            kept[-1] = _Piece(before.text, piece.html)
        else:
            kept.append(piece)
    return kept


def _is_text(part: Mapping[str, Any]) -> bool:
    """Whether this leaf is meant to be read at once, and is no file."""
    disposition = _headers(part).get("content-disposition", "").lower()
    return (
        _media_type(part) in ("text/plain", "text/html")
        and not _filename(part)
        and not disposition.startswith("attachment")
    )


def _piece(part: Mapping[str, Any]) -> _Piece | None:
    """The text of a leaf; None where it has none."""
    if not _is_text(part):
        return None
    charset = _charset(_headers(part).get("content-type", ""))
    text = charsets.text_of(content_of(_body(part).get("data")), charset)
    text = text.replace("\r\n", "\n").replace("\0", "")
    if not text.strip():
        return None
    return _Piece(text) if _media_type(part) == "text/plain" else _Piece(html=text)


def _is_blank(part: Mapping[str, Any]) -> bool:
    """Whether a leaf has nothing to show: a text of blanks, or parts that are missing."""
    if not _media_type(part) or _media_type(part).startswith("multipart/"):
        return True
    return _is_text(part) and not isinstance(_body(part).get("attachmentId"), str)


def _attachment(part: Mapping[str, Any]) -> dict[str, Any]:
    """A file, or anything else that isn't read at once: an invitation, a delivery report.

    What Gmail gives no id of has its content beside, in URL-safe Base64.
    """
    body = _body(part)
    attachment_id, size, data = body.get("attachmentId"), body.get("size"), body.get("data")
    shown: dict[str, Any] = {
        "filename": _filename(part),
        "contentType": _media_type(part),
        "size": size if isinstance(size, int) and not isinstance(size, bool) else 0,
        "attachmentId": attachment_id if isinstance(attachment_id, str) else None,
    }
    if shown["attachmentId"] is None and isinstance(data, str) and data:
        shown["data"] = data
    if content_id := _headers(part).get("content-id", "").strip("<> "):
        shown["contentId"] = content_id
    return shown


def _filename(part: Mapping[str, Any]) -> str:
    """The name as Gmail has it, or else as the part's own headers do."""
    filename = part.get("filename")
    if isinstance(filename, str) and filename:
        return header_text.decoded(filename)
    headers = _raw_headers(part)
    for name, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        if named := _parameter(headers.get(name, ""), parameter):
            return header_text.decoded(named)
    return ""


def _parameter(header: str, name: str) -> str:
    """A parameter of a header, "" where there is none (RFC 2045, 5.1; RFC 2231)."""
    if name not in header.lower():
        return ""
    message = Message()
    try:
        message["Content-Type"] = header[:1000]
        value = message.get_param(name, "")
        return collapse_rfc2231_value(value) if value else ""
    except (ValueError, LookupError, TypeError, IndexError, AttributeError):
        return ""


def _body(part: Mapping[str, Any]) -> Mapping[str, Any]:
    body = part.get("body")
    return body if isinstance(body, Mapping) else {}


def _media_type(part: Mapping[str, Any]) -> str:
    value = part.get("mimeType")
    return value.lower().strip() if isinstance(value, str) else ""


def _charset(content_type: str) -> str:
    if not content_type:
        return ""
    header = Message()
    try:
        header["Content-Type"] = content_type[:1000]
        return header.get_content_charset("")
    except (ValueError, LookupError, TypeError, IndexError, AttributeError):
        return ""


def _date(header: str | None, internal_date: object) -> str | None:
    """ISO 8601 in UTC, of the header or else of `internalDate` (milliseconds since 1970)."""
    try:
        at = parsedate_to_datetime((header or "")[:200])
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        try:
            at = EPOCH + timedelta(milliseconds=int(str(internal_date)[:20]))
        except (ValueError, OverflowError):
            return None
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
