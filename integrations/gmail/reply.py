"""What a reply takes from the message it answers. Its headers are somebody else's: hostile.

Sources: RFC 5322, section 3.6.4, and Gmail's own rule that a reply names the thread, keeps the
subject and refers to the message:
https://developers.google.com/workspace/gmail/api/guides/threads
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from elements.errors import ParameterError
from integrations.gmail.decoded_message import headers_of, raw_headers_of
from integrations.gmail.history import is_safe_id
from integrations.gmail.mail import Mail
from integrations.gmail.mail_address import MailAddress, addresses_of
from integrations.gmail.mail_body import LONGEST_HEADER, MOST_REFERENCES, Outgoing

HEADERS = ("Message-ID", "References", "In-Reply-To", "Subject", "From", "Reply-To")

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_REPLY = re.compile(r"\s*re\s*:", re.IGNORECASE)


def reply(outgoing: Outgoing, original: Mapping[str, Any], *, draft: bool = False) -> Outgoing:
    """The mail as a reply to `original`, a message with (at least) the HEADERS.

    Fills in what the mail leaves open: thread, subject, recipient. Raises ParameterError where it
    names no recipient, nor the original one that can be answered; a draft may do without.
    """
    headers = headers_of(original)
    mail = outgoing.mail
    thread_id = original.get("threadId")
    if not outgoing.thread_id and isinstance(thread_id, str) and is_safe_id(thread_id):
        outgoing = replace(outgoing, thread_id=thread_id)
    answered = _MESSAGE_ID.findall(headers.get("message-id", ""))[:1]
    mail = replace(
        mail,
        in_reply_to=answered[0] if answered else "",
        references=mail.references or _references(headers, answered),
        subject=mail.subject if outgoing.has_subject else _subject(headers.get("subject", "")),
    )
    if not _has_recipient(mail):
        mail = replace(mail, to=_sender(raw_headers_of(original)))
    if not _has_recipient(mail) and not draft:
        raise ParameterError("to", "is missing, and the answered message says nobody to answer to")
    return replace(outgoing, mail=mail)


def _has_recipient(mail: Mail) -> bool:
    return bool(mail.to or mail.cc or mail.bcc)


def _references(headers: Mapping[str, str], answered: list[str]) -> tuple[str, ...]:
    before = _MESSAGE_ID.findall(headers.get("references", ""))
    if not before:
        before = _MESSAGE_ID.findall(headers.get("in-reply-to", ""))[:1]
    # The first one begins the thread; of very many, the middle ones can go.
    kept = before if len(before) < MOST_REFERENCES else before[:1] + before[2 - MOST_REFERENCES :]
    return tuple(dict.fromkeys([*kept, *answered]))


def _subject(subject: str) -> str:
    plain = "".join(c for c in subject if c.isprintable())[: LONGEST_HEADER - 4]
    return plain if _REPLY.match(plain) else f"Re: {plain}"


def _sender(headers: Mapping[str, str]) -> tuple[MailAddress, ...]:
    """Whom an answer goes to; nobody where the headers name no address."""
    for name in ("reply-to", "from"):
        try:
            found = addresses_of(headers[name][:LONGEST_HEADER]) if headers.get(name) else ()
        except ValueError:
            continue
        if found:
            return found[:1] if name == "from" else found[:10]
    return ()
