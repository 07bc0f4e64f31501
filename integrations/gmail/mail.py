"""A mail to be sent, and its bytes. No I/O, no JSON here.

Rule 1: whatever a `Mail` holds has been checked by `mail_body`: one line a header, addresses that
are addresses. What the email package still refuses is a ParameterError all the same.
Rule 2: Date, Message-ID and, where none is given, From are Gmail's to write.
Rule 3: the email package makes the parts; the lines of headers are `header_lines`' alone.
Sources: RFC 5322 (headers), RFC 2045 to 2047 (MIME), RFC 2387 (multipart/related).
"""

from __future__ import annotations

import email.policy
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from typing import Any

from elements.errors import ParameterError
from integrations.gmail import header_lines
from integrations.gmail.mail_address import MailAddress, addresses_of

LARGEST_MAIL = 25 * 1024 * 1024  # bytes of the MIME message; Gmail takes no more
# Further headers that hold addresses (RFC 5322, 3.6.6; RFC 8098, 2.1), whose names are encoded.
ADDRESS_HEADERS = frozenset(
    ("resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc",
     "disposition-notification-to", "return-receipt-to", "mail-followup-to", "mail-reply-to",
     "errors-to")
)  # fmt: skip


class _LinesAsGiven(email.policy.EmailPolicy):
    """Take and write every header as `header_lines` has made it."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return name, value

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        return value

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii")


# Everything in ASCII, so that no server on the way has to change it.
_POLICY = _LinesAsGiven(linesep="\r\n", cte_type="7bit")


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

    to: tuple[MailAddress, ...] = ()
    cc: tuple[MailAddress, ...] = ()
    bcc: tuple[MailAddress, ...] = ()
    sender: MailAddress | None = None
    reply_to: tuple[MailAddress, ...] = ()
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
    lists = {
        "From": () if mail.sender is None else (mail.sender,),
        "To": mail.to,
        "Cc": mail.cc,
        "Bcc": mail.bcc,
        "Reply-To": mail.reply_to,
    }
    for name, addresses in lists.items():
        if addresses:
            message[name] = header_lines.addresses(name, addresses)
    identifiers = {
        "In-Reply-To": mail.in_reply_to,
        "References": " ".join(mail.references),
        **mail.headers,
    }
    for name, value in {"Subject": mail.subject, **identifiers}.items():
        if len(value.splitlines()) > 1:
            raise ParameterError(_path(name), "must be one line, without line breaks")
    message["Subject"] = header_lines.text("Subject", mail.subject)
    for name, value in identifiers.items():
        if not value and name not in mail.headers:
            continue
        try:
            message[name] = _written(name, value)
        except ValueError as error:
            raise ParameterError(_path(name), str(error)) from error


def _written(name: str, value: str) -> str:
    """The lines of a header that machines read. Raises ValueError for what no header can hold."""
    if name.lower() in ADDRESS_HEADERS and not value.isascii():
        return header_lines.addresses(name, addresses_of(value))
    return header_lines.tokens(name, value)


def _path(name: str) -> str:
    """The field that a header was given in."""
    own = {"Subject": "subject", "In-Reply-To": "inReplyTo", "References": "references"}
    return own.get(name, f"headers.{name}")


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
            params={"charset": attachment.charset} if attachment.charset else None,
        )
    except (MessageError, ValueError, TypeError) as error:
        raise ParameterError(path, f"cannot be attached: {error}") from error
    _name(message, "attachment", attachment.filename)


def _relate(html: EmailMessage, attachment: Attachment, path: str) -> None:
    try:
        html.add_related(
            attachment.content,
            maintype=attachment.main_type,
            subtype=attachment.sub_type,
            cid=f"<{attachment.content_id}>",
        )
    except (MessageError, ValueError, TypeError) as error:
        raise ParameterError(path, f"cannot be attached: {error}") from error
    _name(html, "inline", attachment.filename)


def _name(parent: EmailMessage, disposition: str, filename: str) -> None:
    """Names the file that was added last."""
    *_, file = parent.iter_parts()
    del file["Content-Disposition"]
    file["Content-Disposition"] = header_lines.disposition(disposition, filename)
