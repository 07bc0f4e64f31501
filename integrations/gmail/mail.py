"""A mail to be sent, and its bytes. No I/O, no JSON here.

Rule 1: whatever a `Mail` holds has been checked by `mail_body`: one line a header, addresses that
are addresses. What the email package still refuses is a ParameterError all the same.
Rule 2: Date, Message-ID and, where none is given, From are Gmail's to write.
Sources: RFC 5322 (headers), RFC 2045 to 2047 (MIME), RFC 2387 (multipart/related).
"""

from __future__ import annotations

import email.policy
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage

from elements.errors import ParameterError

LARGEST_MAIL = 25 * 1024 * 1024  # bytes of the MIME message; Gmail takes no more
# Everything in ASCII, so that no server on the way has to change it.
_POLICY = email.policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file. With a `content_id` it belongs to the HTML, which shows it as `cid:<content_id>`."""

    filename: str
    main_type: str
    sub_type: str
    content: bytes
    charset: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. `headers` are further ones, by name."""

    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    in_reply_to: str = ""  # a Message-ID with its angle brackets
    references: tuple[str, ...] = ()


def write(mail: Mail) -> bytes:
    """The mail as bytes: text and HTML as alternatives, then the files.

    Raises ParameterError for what cannot be written, and for a mail above LARGEST_MAIL.
    """
    message = EmailMessage(policy=_POLICY)
    _write_headers(message, mail)
    _write_body(message, mail)
    for index, attachment in enumerate(mail.attachments):
        if not attachment.content_id:
            _attach(message, attachment, f"attachments[{index}]")
    try:
        content = message.as_bytes()
    except (MessageError, ValueError, LookupError) as error:
        raise ParameterError("the body", f"cannot be written as a mail: {error}") from error
    if len(content) > LARGEST_MAIL:
        raise ParameterError(
            "attachments", f"the mail has {len(content)} bytes; {LARGEST_MAIL} are allowed"
        )
    return content


def _write_headers(message: EmailMessage, mail: Mail) -> None:
    lists = {"To": mail.to, "Cc": mail.cc, "Bcc": mail.bcc, "Reply-To": mail.reply_to}
    if mail.sender is not None:
        _set(message, "From", "from", mail.sender)
    for name, addresses in lists.items():
        if addresses:
            _set(message, name, name.lower().replace("reply-to", "replyTo"), addresses)
    _set(message, "Subject", "subject", mail.subject)
    if mail.in_reply_to:
        _set(message, "In-Reply-To", "inReplyTo", mail.in_reply_to)
    if mail.references:
        _set(message, "References", "references", " ".join(mail.references))
    for name, value in mail.headers.items():
        _set(message, name, f"headers.{name}", value)


def _set(
    message: EmailMessage, name: str, path: str, value: str | Address | tuple[Address, ...]
) -> None:
    parts = value if isinstance(value, tuple) else (value,)
    if any(len(str(one).splitlines()) > 1 for one in parts):
        raise ParameterError(path, "must be one line, without line breaks")
    try:
        message[name] = value
    except (MessageError, ValueError, TypeError, IndexError) as error:
        raise ParameterError(path, f"cannot be written as a header: {error}") from error


def _write_body(message: EmailMessage, mail: Mail) -> None:
    """Alternatives only where there are two, the plainest first (RFC 2046, 5.1.4)."""
    if mail.html is None:
        message.set_content(mail.text or "")
        return
    if mail.text is not None:
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
    else:
        message.set_content(mail.html, subtype="html")
    html = message.get_body(("html",))
    for index, attachment in enumerate(mail.attachments):
        if attachment.content_id and isinstance(html, EmailMessage):
            _relate(html, attachment, f"attachments[{index}]")


def _attach(message: EmailMessage, attachment: Attachment, path: str) -> None:
    try:
        message.add_attachment(
            attachment.content,
            maintype=attachment.main_type,
            subtype=attachment.sub_type,
            filename=attachment.filename,
            params={"charset": attachment.charset} if attachment.charset else None,
        )
    except (MessageError, ValueError, TypeError) as error:
        raise ParameterError(path, f"cannot be attached: {error}") from error


def _relate(html: EmailMessage, attachment: Attachment, path: str) -> None:
    try:
        html.add_related(
            attachment.content,
            maintype=attachment.main_type,
            subtype=attachment.sub_type,
            filename=attachment.filename,
            cid=f"<{attachment.content_id}>",
            disposition="inline",
        )
    except (MessageError, ValueError, TypeError) as error:
        raise ParameterError(path, f"cannot be attached: {error}") from error
