"""Writes a condition in Gmail's search words: `from='user@example.com'` as `from:user@example.com`.

What Gmail cannot find is refused, never left out.

https://support.google.com/mail/answer/7190
"""

from __future__ import annotations

import re

from ceql import And, Condition, IsNull, Or
from integrations.gmail.search.bounds import counted_as, date, named_date, size
from integrations.gmail.search.leaf import Leaf, Writer, refuse
from integrations.gmail.search.named import flag, label, label_id, message_id, one_of
from integrations.gmail.search.own_words import raw
from integrations.gmail.search.texts import address, filename, text

SIZE_WITH_UNIT = re.compile(r"\d{1,12}[KMkm]?", re.ASCII)
AGE = re.compile(r"\d{1,5}[dmy]", re.ASCII)
STATES = ("unread", "read", "starred", "important", "muted", "snoozed", "chat")
CONTENTS = (
    "attachment", "drive", "document", "spreadsheet", "presentation", "youtube", "userlabels",
    "nouserlabels",
)  # fmt: skip
CATEGORIES = (
    "primary", "social", "promotions", "updates", "forums", "reservations", "purchases",
)  # fmt: skip


def words(condition: Condition) -> str:
    """The condition in words that can stand beside others. Raises ParameterError."""
    if isinstance(condition, And):
        return f"({' '.join(map(words, condition.conditions))})"
    if isinstance(condition, Or):
        return f"{{{' '.join(map(words, condition.conditions))}}}"
    writer = FIELDS.get(condition.field.lower())
    if writer is None:
        refuse(f"messages cannot be searched by {condition.field[:50]}; known are {KNOWN}")
    if isinstance(condition, IsNull):
        refuse(f"{condition.field} cannot be compared with NULL: Gmail finds what is there")
    return writer(condition)


def _alone(leaf: Leaf) -> str:
    refuse(f"{leaf.field} can only be asked for with =, joined by AND to everything else")


FIELDS: dict[str, Writer] = {
    "from": address("from:"),
    "to": address("to:"),
    "cc": address("cc:"),
    "bcc": address("bcc:"),
    "deliveredto": address("deliveredto:"),
    "list": address("list:"),
    "subject": text("subject:"),
    "text": text(""),
    "body": text(""),
    "filename": filename,
    "label": label("label:"),
    "labelids": label_id,
    "in": label("in:"),
    "is": one_of("is:", STATES),
    "has": one_of("has:", CONTENTS),
    "category": one_of("category:", CATEGORIES),
    "rfc822msgid": message_id,
    "isunread": flag("is:unread"),
    "isread": flag("is:read"),
    "isstarred": flag("is:starred"),
    "isimportant": flag("is:important"),
    "hasattachment": flag("has:attachment"),
    "date": date,
    "internaldate": date,
    "after": named_date("after"),
    "before": named_date("before"),
    "newer_than": counted_as("newer_than:", AGE, "2d"),
    "older_than": counted_as("older_than:", AGE, "1y"),
    "size": size,
    "sizeestimate": size,
    "larger": counted_as("larger:", SIZE_WITH_UNIT, "10M"),
    "smaller": counted_as("smaller:", SIZE_WITH_UNIT, "10M"),
    "q": raw,
    "includespamtrash": _alone,
}
KNOWN = (
    "from, to, cc, bcc, deliveredTo, list, subject, text, filename, label, labelIds, in, is, has, "
    "category, rfc822msgid, isUnread, isRead, isStarred, isImportant, hasAttachment, date, "
    "internalDate, after, before, newer_than, older_than, size, larger, smaller, q, "
    "includeSpamTrash"
)
