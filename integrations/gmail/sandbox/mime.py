"""RFC 5322 messages: writing one from its parts, and reading one into what Gmail shows of it."""

import base64
import binascii
import email.policy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import format_datetime, parsedate_to_datetime
from html import unescape
from typing import Any

SNIPPET_LENGTH = 200  # characters, about what Gmail shows
SEARCHABLE_BODY = 20_000  # characters of a body that a search looks at

_WORD = re.compile(r"\w+")
_PRINTABLE = re.compile(r"[ -~]{0,65}")  # a line that needs no encoding and no folding
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Attachment:
    """A file in a mail to be written."""

    filename: str
    content: bytes
    mime_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Draft:
    """What a mail to be written says. `text` is used where `html` is alone, too."""

    sender: str
    to: str
    subject: str = ""
    text: str = ""
    html: str | None = None
    attachments: Sequence[Attachment] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """What a mail says, as far as Gmail lists and searches it. Words are ' lower case words '."""

    headers: list[tuple[str, str]]
    mime_type: str
    snippet: str
    rfc822_id: str
    references: tuple[str, ...]
    date: datetime | None
    has_attachment: bool
    sender_words: str
    recipient_words: str
    subject_words: str
    all_words: str


def words(text: str) -> str:
    """The words of a text between single blanks, so that ' a b ' in it is a phrase match."""
    return " " + " ".join(_WORD.findall(text.lower())) + " "


def write(draft: Draft, date: datetime, message_id: str) -> bytes:
    """The mail as bytes. Raises ValueError where a header can't be written (a line break)."""
    plain = write_plain(draft, date, message_id)
    if plain is not None:
        return plain[0]
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"] = draft.sender
    mail["To"] = draft.to
    mail["Subject"] = draft.subject
    mail["Date"] = date
    mail["Message-ID"] = message_id
    for name, value in draft.headers.items():
        if not re.fullmatch(r"[!-9;-~]+", name):
            raise ValueError(f"{name!r} is not the name of a header")
        del mail[name]
        mail[name] = value
    mail.set_content(draft.text)
    if draft.html is not None:
        mail.add_alternative(draft.html, subtype="html")
    for attachment in draft.attachments:
        maintype, _, subtype = attachment.mime_type.partition("/")
        if not subtype or maintype in ("multipart", "message"):
            raise ValueError(f"{attachment.mime_type!r} is not a media type of a file")
        mail.add_attachment(
            attachment.content, maintype=maintype, subtype=subtype, filename=attachment.filename
        )
    return mail.as_bytes()


def write_plain(draft: Draft, date: datetime, message_id: str) -> tuple[bytes, Reading] | None:
    """A short mail in ASCII and what `read` would say of it; None where it isn't that plain.

    Written by hand: many times as fast, for mailboxes of a hundred thousand.
    """
    lines = (draft.sender, draft.to, draft.subject, *draft.text.splitlines())
    if draft.html is not None or draft.attachments or draft.headers:
        return None
    if not all(_PRINTABLE.fullmatch(line) and "=?" not in line for line in lines):
        return None
    headers = [
        ("From", draft.sender), ("To", draft.to), ("Subject", draft.subject),
        ("Date", format_datetime(date)), ("Message-ID", message_id),
        ("Content-Type", 'text/plain; charset="utf-8"'), ("Content-Transfer-Encoding", "7bit"),
        ("MIME-Version", "1.0"),
    ]  # fmt: skip
    text = "\r\n".join([*draft.text.splitlines(), ""])
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    everything = f"{draft.sender} {draft.to} {draft.subject} {text}"
    reading = Reading(
        headers=[(name, value.strip()) for name, value in headers],
        mime_type="text/plain",
        snippet=" ".join(text.split())[:SNIPPET_LENGTH],
        rfc822_id=message_id.strip("<>"),
        references=(),
        date=date.replace(microsecond=0),
        has_attachment=False,
        sender_words=words(draft.sender),
        recipient_words=words(f"{draft.to}  "),
        subject_words=words(draft.subject),
        all_words=words(everything),
    )
    return f"{head}\r\n{text}".encode("ascii"), reading


def completed(raw: bytes, sender: str, date: datetime, message_id: str) -> bytes:
    """The mail with From, Date and Message-ID, put in front where it has none."""
    present = {name.lower() for name in parse(raw).keys()}  # noqa: SIM118 a Message iterates badly
    added = [("From", sender), ("Date", format_datetime(date)), ("Message-ID", message_id)]
    lines = [f"{name}: {value}\r\n" for name, value in added if name.lower() not in present]
    return "".join(lines).encode("ascii", "replace") + raw


def parse(raw: bytes) -> Message:
    """The MIME tree of any bytes; nothing is refused."""
    return BytesParser(policy=email.policy.compat32).parsebytes(raw)


def read(raw: bytes) -> Reading:
    """What the mail says; broken mails are read as far as they go."""
    mail = parse(raw)
    headers = header_list(mail)
    first = {name.lower(): value for name, value in reversed(headers)}
    text, has_attachment = _text_of(mail)
    recipients = " ".join(first.get(name, "") for name in ("to", "cc", "bcc"))
    sender, subject = first.get("from", ""), first.get("subject", "")
    links = f"{first.get('references', '')} {first.get('in-reply-to', '')}"
    return Reading(
        headers=headers,
        mime_type=mail.get_content_type(),
        snippet=" ".join(text.split())[:SNIPPET_LENGTH],
        rfc822_id=first.get("message-id", "").strip().strip("<>"),
        references=tuple(re.findall(r"<([^<>\s]+)>", links)),
        date=_date(first.get("date")),
        has_attachment=has_attachment,
        sender_words=words(sender),
        recipient_words=words(recipients),
        subject_words=words(subject),
        all_words=words(f"{sender} {recipients} {subject} {text}"),
    )


def header_list(part: Message) -> list[tuple[str, str]]:
    """Names and decoded values, in their order."""
    return [(name, _decoded(str(value))) for name, value in part.items()]


def file_names(mail: Message) -> list[str]:
    """The decoded names of the files that hang on the mail."""
    return [_decoded(name) for part in mail.walk() if (name := part.get_filename())]


def payload(part: Message, part_id: str = "", attachment_prefix: str = "") -> dict[str, Any]:
    """The `MessagePart` tree of `format=full`.

    A body with a file name is given by `attachmentId`, which starts with `attachment_prefix` and
    ends with the part's id; any other stands in `data`.
    """
    filename = _decoded(part.get_filename() or "")
    shown: dict[str, Any] = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": filename,
        "headers": [{"name": name, "value": value} for name, value in header_list(part)],
        "body": {"size": 0},
    }
    children = _children(part)
    if children:
        prefix = f"{part_id}." if part_id else ""
        shown["parts"] = [
            payload(child, f"{prefix}{index}", attachment_prefix)
            for index, child in enumerate(children)
        ]
        return shown
    content = _content(part)
    shown["body"] = {"size": len(content)}
    if filename:
        shown["body"]["attachmentId"] = f"{attachment_prefix}{part_id or '-'}"
    elif content:
        shown["body"]["data"] = web_base64(content)
    return shown


def part_content(mail: Message, part_id: str) -> bytes | None:
    """The decoded body of one part, or None where there is no such part."""
    part = mail
    for step in [] if part_id in ("", "-") else part_id.split("."):
        children = _children(part)
        if not step.isdecimal() or int(step) >= len(children):
            return None
        part = children[int(step)]
    return None if _children(part) else _content(part)


def web_base64(content: bytes) -> str:
    """Base64 in the URL-safe alphabet, padded, as the API writes bytes."""
    return base64.urlsafe_b64encode(content).decode("ascii")


def from_base64(text: str) -> bytes:
    """Bytes from Base64 of either alphabet, padded or not. Raises ValueError."""
    plain = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not Base64") from error


def _children(part: Message) -> list[Message]:
    content: object = part.get_payload()
    if not isinstance(content, list):
        return []
    return [child for child in content if isinstance(child, Message)]


def _content(part: Message) -> bytes:
    content: object = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text_of(mail: Message) -> tuple[str, bool]:
    """The readable text (the plain one where there is one), and whether a file hangs on it."""
    plain, html, has_attachment = "", "", False
    for part in mail.walk():
        if part.get_filename():
            has_attachment = True
        elif part.get_content_type() == "text/plain" and not plain:
            plain = _readable(part)
        elif part.get_content_type() == "text/html" and not html:
            html = unescape(_TAG.sub(" ", _readable(part)))
    return plain or html, has_attachment


def _readable(part: Message) -> str:
    content = _content(part)
    charset = part.get_content_charset() or "utf-8"
    try:
        text = content.decode(charset, "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    return _storable(text[:SEARCHABLE_BODY])


def _decoded(value: str) -> str:
    unfolded = re.sub(r"\r?\n[ \t]*", " ", value).strip()
    if "=?" not in unfolded:
        return _storable(unfolded)
    try:
        return _storable(str(make_header(decode_header(unfolded))))
    except (HeaderParseError, LookupError, ValueError):
        return _storable(unfolded)


def _storable(text: str) -> str:
    """Without what neither SQLite nor JSON can carry: null bytes and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _date(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        date = parsedate_to_datetime(value)
        return date if date.tzinfo else None
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
