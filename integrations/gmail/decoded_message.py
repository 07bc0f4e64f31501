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
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from integrations.gmail import charsets, header_text, html_text
from integrations.gmail.history import is_safe_id
from integrations.gmail.mail_address import addresses_of

MOST_PARTS = 2_000
LONGEST_HEADER = 50_000  # characters of a header that are looked at
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ATTACHMENT_ID = re.compile(r"(?!\.{1,2}$)[0-9A-Za-z._~-]{1,2000}")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


@dataclass(slots=True)
class _Found:
    """What the walk over the parts collects."""

    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)


def decoded(message: Mapping[str, Any], *, sanitize: bool = False) -> dict[str, Any]:
    """The message with `subject`, `from`, `to`, `cc`, `date`, `text`, `html` and `attachments`.

    Headers are text, null where there are none; `date` is in UTC, of the Date header or else of
    Gmail's receipt. `text` is made of the HTML where there is no plain text. `text`, `html` and
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
    found = _Found()
    for part in _parts(payload):
        _collect(part, found)
    html = "\n".join(found.htmls) if found.htmls else None
    text = "\n".join(found.texts) if found.texts else None
    if text is None and html is not None:
        text = html_text.text_in(html)
    if html is not None and sanitize:
        html = html_text.safe(html)
    return {**shown, "text": text, "html": html, "attachments": found.attachments}


def is_attachment_id(value: object) -> bool:
    """Whether this can be an attachment's id: it goes into paths, so it must not lead elsewhere."""
    return isinstance(value, str) and _ATTACHMENT_ID.fullmatch(value) is not None


def unread_texts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The bodies of texts that Gmail only gave an id of, as they are too long for its answer."""
    payload = message.get("payload")
    if not isinstance(payload, Mapping) or not is_safe_id(message.get("id")):
        return []
    found: list[dict[str, Any]] = []
    for part in _parts(payload):
        body = part.get("body")
        is_text = _media_type(part) in ("text/plain", "text/html") and not part.get("filename")
        if is_text and isinstance(body, dict) and not body.get("data"):
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


def _parts(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The leaves, in order. A mail within the mail is a leaf: an attachment."""
    waiting: list[object] = [payload]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if not isinstance(part, Mapping):
            continue
        children = part.get("parts")
        if isinstance(children, list) and children and _media_type(part) != "message/rfc822":
            waiting += reversed(children)
        else:
            yield part


def _collect(part: Mapping[str, Any], found: _Found) -> None:
    media_type = _media_type(part)
    body = part.get("body")
    body = body if isinstance(body, Mapping) else {}
    headers = _headers(part)
    filename = part.get("filename")
    filename = header_text.decoded(filename) if isinstance(filename, str) else ""
    disposition = headers.get("content-disposition", "").lower()
    is_text = media_type in ("text/plain", "text/html")
    if is_text and not filename and not disposition.startswith("attachment"):
        charset = _charset(headers.get("content-type", ""))
        text = charsets.text_of(content_of(body.get("data")), charset)
        text = text.replace("\r\n", "\n").replace("\0", "")
        if text.strip():
            (found.texts if media_type == "text/plain" else found.htmls).append(text)
        return
    attachment_id, size = body.get("attachmentId"), body.get("size")
    is_mail = media_type == "message/rfc822"
    named = filename or isinstance(attachment_id, str) or disposition.startswith("attachment")
    if not named and not is_mail:
        return
    shown: dict[str, Any] = {
        "filename": filename,
        "contentType": media_type,
        "size": size if isinstance(size, int) and not isinstance(size, bool) else 0,
        "attachmentId": attachment_id if isinstance(attachment_id, str) else None,
    }
    if content_id := headers.get("content-id", "").strip("<> "):
        shown["contentId"] = content_id
    found.attachments.append(shown)


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
