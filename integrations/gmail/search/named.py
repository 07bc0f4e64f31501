"""Comparisons with one of several names: labels, states, categories, Message-IDs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ceql import Comparison, Value
from integrations.gmail.search.leaf import Leaf, Writer, equal, refuse, said, values, without
from integrations.gmail.search.texts import phrase

PLAIN_ID = re.compile(r"[^\s(){}\"]+")

SYSTEM_LABELS = {
    "INBOX": "in:inbox", "SPAM": "in:spam", "TRASH": "in:trash", "SENT": "in:sent",
    "DRAFT": "in:drafts", "CHAT": "in:chats", "UNREAD": "is:unread", "STARRED": "is:starred",
    "IMPORTANT": "is:important", "CATEGORY_PERSONAL": "category:primary",
    "CATEGORY_SOCIAL": "category:social", "CATEGORY_PROMOTIONS": "category:promotions",
    "CATEGORY_UPDATES": "category:updates", "CATEGORY_FORUMS": "category:forums",
}  # fmt: skip


def message_id(leaf: Leaf) -> str:
    """RFC 5322's Message-ID, with or without its angle brackets."""

    def write(value: Value) -> str:
        found = said(value).strip().removeprefix("<").removesuffix(">")
        if not PLAIN_ID.fullmatch(found):
            refuse(f"{leaf.field} must be compared with a Message-ID such as a@mail.example.com")
        return f"rfc822msgid:{found}"

    return equal(leaf, write)


def label(operator: str) -> Writer:
    """A label's name. Gmail looks into spam and trash where they are asked for so."""

    def write(leaf: Leaf) -> str:
        if isinstance(leaf, Comparison) and leaf.operator == "=":
            return phrase(leaf.field, operator, leaf.value)
        if operator == "in:" and any(said(value).lower() == "anywhere" for value in values(leaf)):
            refuse("in can only be compared with 'anywhere' by =")
        return equal(leaf, lambda value: phrase(leaf.field, operator, value))

    return write


def label_id(leaf: Leaf) -> str:
    def write(value: Value) -> str:
        known = SYSTEM_LABELS.get(said(value).strip().upper())
        if known is None:
            refuse(
                "labelIds of a user's own label can only be asked for with =, joined by AND to "
                "everything else: write label='its name'"
            )
        return known

    return equal(leaf, write)


def one_of(operator: str, known: Iterable[str]) -> Writer:
    names = tuple(known)

    def write(leaf: Leaf) -> str:
        def one(value: Value) -> str:
            if said(value).strip().lower() not in names:
                refuse(f"{leaf.field} must be compared with one of {', '.join(names)}")
            return f"{operator}{said(value).strip().lower()}"

        return equal(leaf, one)

    return write


def flag(word: str) -> Writer:
    def write(leaf: Leaf) -> str:
        def one(value: Value) -> str:
            if said(value).strip().lower() not in ("true", "false"):
                refuse(f"{leaf.field} must be compared with true or false")
            return word if said(value).strip().lower() == "true" else without(word)

        return equal(leaf, one)

    return write
