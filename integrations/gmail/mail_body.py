"""Reads the JSON of a mail to be sent. Every error names the field.

The JSON is `{to, cc, bcc, from, replyTo, subject, text, html, attachments: [{filename,
contentType, content, contentId}], headers, threadId, inReplyTo, references}`, or `{raw, threadId}`
with a whole mail in Base64, as Gmail itself takes it.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elements import fields
from elements.errors import ParameterError
from integrations.gmail.history import is_safe_id
from integrations.gmail.mail import LARGEST_MAIL, Attachment, Mail
from integrations.gmail.mail_address import MailAddress, addresses_of

FIELDS = (
    "to", "cc", "bcc", "from", "replyTo", "subject", "text", "html", "attachments", "headers",
    "threadId", "inReplyTo", "references", "raw",
)  # fmt: skip
ATTACHMENT_FIELDS = ("filename", "contentType", "content", "contentId")
MOST_RECIPIENTS = 500  # Gmail's limit of a message
MOST_ATTACHMENTS = 100
MOST_HEADERS = 50
LONGEST_LIST = 100_000  # characters of a list of addresses
LONGEST_HEADER = 2_000  # characters
MOST_REFERENCES = 50
# Headers that other fields write, or that only Gmail may write.
OWN_HEADERS = (
    "from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "in-reply-to",
    "references", "mime-version", "received", "return-path", "sender", "dkim-signature",
    "authentication-results",
)  # fmt: skip

_MEDIA_TYPE = re.compile(
    r"([a-z0-9!#$&^_.+-]{1,60})/([a-z0-9!#$&^_.+-]{1,100})(?:\s*;\s*charset=\"?([\w.:-]{1,40})\"?)?",
    re.IGNORECASE,
)
_HEADER_NAME = re.compile(r"[!-9;-~]{1,70}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What the body asks for: a mail to write, or one that is written (`raw`, Base64).

    `replied_id` is Gmail's id of the message that is replied to. `has_subject` and the mail's
    `to` say whether a reply takes them from there.
    """

    mail: Mail
    raw: str = ""
    thread_id: str = ""
    replied_id: str = ""
    has_subject: bool = False


def read(value: Any, *, draft: bool = False) -> Outgoing:
    """Raises ParameterError. Only a draft and a reply may be without recipients."""
    body = fields.json_object(value, FIELDS)
    thread_id = _identifier(body, "threadId")
    if body.get("raw") is not None:
        return Outgoing(Mail(), raw=_raw(body), thread_id=thread_id)
    replied = fields.text(body, "inReplyTo", longest=LONGEST_HEADER).strip()
    message_id = replied if _MESSAGE_ID.fullmatch(replied) else ""
    if replied and not message_id and not is_safe_id(replied):
        raise ParameterError("inReplyTo", "must be a message's id, or a Message-ID in < >")
    mail = Mail(
        to=_addresses(body, "to"),
        cc=_addresses(body, "cc"),
        bcc=_addresses(body, "bcc"),
        sender=_one_address(body, "from"),
        reply_to=_addresses(body, "replyTo"),
        subject=fields.text(body, "subject", longest=LONGEST_HEADER).strip(),
        text=_content(body, "text"),
        html=_content(body, "html"),
        attachments=_attachments(body),
        headers=_headers(body),
        in_reply_to=message_id,
        references=_references(body) or ((message_id,) if message_id else ()),
    )
    replied_id = "" if message_id else replied
    recipients = len(mail.to) + len(mail.cc) + len(mail.bcc)
    if not recipients and not draft and not replied_id:
        raise ParameterError("to", "is missing: an address, or a list of addresses")
    if recipients > MOST_RECIPIENTS:
        raise ParameterError("to", f"{recipients} recipients; {MOST_RECIPIENTS} are allowed")
    has_subject = body.get("subject") is not None
    return Outgoing(mail, "", thread_id, replied_id, has_subject)


def _addresses(body: Mapping[str, Any], name: str) -> tuple[MailAddress, ...]:
    """Addresses given as one string, separated by commas, or as a list of strings."""
    value = body.get(name)
    given = value if isinstance(value, list) else [value]
    if len(given) > MOST_RECIPIENTS:
        raise ParameterError(name, f"has {len(given)} entries; {MOST_RECIPIENTS} are allowed")
    found: list[MailAddress] = []
    for index, item in enumerate(given):
        path = f"{name}[{index}]" if isinstance(value, list) else name
        required = item is not None or isinstance(value, list)
        text = fields.text_value(item, path, required=required, longest=LONGEST_LIST)
        if not text:
            continue
        try:
            found += addresses_of(text)
        except ValueError as error:
            raise ParameterError(path, str(error)) from error
    return tuple(found)


def _one_address(body: Mapping[str, Any], name: str) -> MailAddress | None:
    found = _addresses(body, name)
    if len(found) > 1:
        raise ParameterError(name, "must be one address")
    return found[0] if found else None


def _content(body: Mapping[str, Any], name: str) -> str | None:
    if body.get(name) is None:
        return None
    return fields.text(body, name, longest=LARGEST_MAIL, lines=True)


def _attachments(body: Mapping[str, Any]) -> tuple[Attachment, ...]:
    value = body.get("attachments")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ParameterError(
            "attachments", f"must be a list of objects, not {fields.kind_of(value)}"
        )
    if len(value) > MOST_ATTACHMENTS:
        raise ParameterError(
            "attachments", f"has {len(value)} entries; {MOST_ATTACHMENTS} are allowed"
        )
    has_html = body.get("html") is not None
    return tuple(
        _attachment(item, f"attachments[{index}]", has_html=has_html)
        for index, item in enumerate(value)
    )


def _attachment(value: Any, at: str, *, has_html: bool) -> Attachment:
    item = fields.json_object(value, ATTACHMENT_FIELDS, at=at)
    filename = fields.text(item, "filename", at=at, required=True, longest=255)
    given = fields.text(item, "contentType", at=at, longest=200).strip()
    media_type = given or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    match = _MEDIA_TYPE.fullmatch(media_type)
    if match is None:
        raise ParameterError(f"{at}.contentType", "must be a media type such as application/pdf")
    main_type, sub_type, charset = match[1].lower(), match[2].lower(), match[3] or ""
    if main_type in ("multipart", "message"):
        if given:
            raise ParameterError(
                f"{at}.contentType",
                f"must not be {main_type}: send a mail as a file as application/octet-stream",
            )
        main_type, sub_type = "application", "octet-stream"
    content_id = fields.text(item, "contentId", at=at, longest=200).strip().strip("<>")
    if content_id and not _CONTENT_ID.fullmatch(content_id):
        raise ParameterError(f"{at}.contentId", "must be ASCII without blanks, < and >")
    if content_id and not has_html:
        raise ParameterError(f"{at}.contentId", "needs an html that shows the file")
    if item.get("content") is None:
        raise ParameterError(f"{at}.content", "is missing: the file in Base64")
    content = _base64(item["content"], f"{at}.content")
    return Attachment(filename, main_type, sub_type, content, charset, content_id)


def _headers(body: Mapping[str, Any]) -> dict[str, str]:
    value = body.get("headers")
    if value is None:
        return {}
    headers = fields.json_object(value, at="headers")
    if len(headers) > MOST_HEADERS:
        raise ParameterError("headers", f"has {len(headers)} entries; {MOST_HEADERS} are allowed")
    for name in headers:
        if not _HEADER_NAME.fullmatch(name):
            raise ParameterError("headers", f"{name[:70]!r} is not the name of a header")
        if name.lower() in OWN_HEADERS or name.lower().startswith(("content-", "arc-")):
            raise ParameterError(f"headers.{name}", "cannot be set here")
    return {
        name: fields.text(headers, name, at="headers", longest=LONGEST_HEADER) for name in headers
    }


def _references(body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body.get("references")
    if isinstance(value, str):
        value = fields.text_value(value, "references", longest=LONGEST_LIST).split()
    given = fields.texts({"references": value}, "references", most=MOST_REFERENCES) or []
    for index, item in enumerate(given):
        if not _MESSAGE_ID.fullmatch(item.strip()):
            raise ParameterError(f"references[{index}]", "must be a Message-ID in < >")
    return tuple(item.strip() for item in given)


def _identifier(body: Mapping[str, Any], name: str) -> str:
    value = fields.text(body, name, longest=200).strip()
    if value and not is_safe_id(value):
        raise ParameterError(name, "must be an id as Gmail gives it")
    return value


def _raw(body: Mapping[str, Any]) -> str:
    """Base64 in the URL-safe alphabet that Gmail wants, whatever alphabet it came in."""
    others = [name for name in body if name not in ("raw", "threadId") and body[name] is not None]
    if others:
        raise ParameterError("raw", f"is the whole mail: it cannot stand beside {others[0]}")
    content = _base64(body["raw"], "raw")
    if not content:
        raise ParameterError("raw", "is empty: it must be a whole mail in Base64")
    return in_base64(content)


def in_base64(content: bytes) -> str:
    """URL-safe Base64, as Gmail takes mails."""
    return base64.urlsafe_b64encode(content).decode("ascii")


def _base64(value: Any, path: str) -> bytes:
    if not isinstance(value, str):
        raise ParameterError(path, f"must be Base64, not {fields.kind_of(value)}")
    if len(value) > LARGEST_MAIL * 4 // 3 + 4:
        raise ParameterError(path, f"is too large: a mail may have {LARGEST_MAIL} bytes")
    plain = "".join(value.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ParameterError(path, "is not Base64") from error
