"""Gmail's search language (`q`) as a condition on the table of messages.

Words are matched whole and without case, as Gmail does; text in double quotes is a phrase;
`-` negates, `OR` and `{ }` choose, `( )` group. A date is midnight Pacific Standard Time, a
number is seconds since the epoch. What looks like an operator but isn't one is a word.
Source: https://support.google.com/mail/answer/7190 and
https://developers.google.com/workspace/gmail/api/guides/filtering
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import reduce

from .mime import words

PACIFIC = timezone(timedelta(hours=-8))
_OR, _NOT, _OPEN = "OR", "-", "("
MAX_TERMS = 200  # a query with more is refused

_TOKEN = re.compile(r'[(){}]|-?(?:[A-Za-z_0-9]+:)?(?:"[^"]*"|[^\s(){}"]+)|-(?=[({])|"')
_AGE = re.compile(r"(\d{1,5})([dmy])")
_DATE = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})")
_SIZE = re.compile(r"([0-9]{1,12})([KMkm]?)")
_PLACES = {"inbox": "INBOX", "trash": "TRASH", "spam": "SPAM", "sent": "SENT", "drafts": "DRAFT",
           "draft": "DRAFT"}  # fmt: skip
_STATES = {"unread": "UNREAD", "starred": "STARRED", "important": "IMPORTANT"}


class BadQueryError(ValueError):
    """The query cannot be read."""


@dataclass(frozen=True)
class Where:
    """A condition with its values. `{m}` in the template stands for the table's alias."""

    template: str
    values: tuple[object, ...] = ()

    def sql(self, alias: str) -> str:
        """The condition on the table of this alias."""
        return self.template.replace("{m}", alias)

    def __and__(self, other: "Where") -> "Where":
        return Where(f"({self.template} AND {other.template})", self.values + other.values)

    def __or__(self, other: "Where") -> "Where":
        return Where(f"({self.template} OR {other.template})", self.values + other.values)

    def __invert__(self) -> "Where":
        return Where(f"NOT {self.template}", self.values)


ALL = Where("(1)")
NONE = Where("(0)")


def has_label(label_id: str) -> Where:
    """Messages with this label."""
    return Where("(instr({m}.labels, ?) > 0)", (f" {label_id} ",))


NOT_SPAM_OR_TRASH = ~has_label("SPAM") & ~has_label("TRASH")


@dataclass(frozen=True)
class Query:
    """A query read: its condition, and whether it looks into spam and trash by itself."""

    where: Where
    everywhere: bool


def read(query: str, now: float, labels: Sequence[tuple[str, str]]) -> Query:
    """Read `q`. `now` is in seconds, `labels` are (id, name). Raises BadQueryError."""
    reader = _Reader(_TOKEN.findall(query), now, labels)
    return Query(reader.whole(), reader.everywhere)


class _Reader:
    """Recursive descent over the tokens: sequence of terms, each maybe negated or OR-ed."""

    def __init__(self, tokens: list[str], now: float, labels: Sequence[tuple[str, str]]) -> None:
        if len(tokens) > MAX_TERMS:
            raise BadQueryError(f"q has more than {MAX_TERMS} terms")
        self._tokens = tokens
        self._next = 0
        self._now = now
        self._labels = labels
        self.everywhere = False
        self._plain: _Operator = _Reader.word

    def whole(self) -> Where:
        where = ALL
        while self._next < len(self._tokens):
            where = where & self._sequence("", Where.__and__)
            self._next += 1  # a closing bracket without an opening one is passed over
        return where

    def _sequence(self, closing: str, join: Callable[[Where, Where], Where]) -> Where:
        factors: list[Where] = []
        either = False
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token in (closing, ")", "}"):
                break
            if token == _OR:
                either = bool(factors)
                self._next += 1
                continue
            term = self._term()
            if either:  # OR binds closer than standing side by side
                factors[-1] = factors[-1] | term
            else:
                factors.append(term)
            either = False
        return reduce(join, factors) if factors else ALL

    def _term(self) -> Where:
        token = self._tokens[self._next]
        self._next += 1
        if token == _NOT:
            return ~self._term() if self._next < len(self._tokens) else ALL
        if token in ("(", "{"):
            closing, join = (")", Where.__and__) if token == _OPEN else ("}", Where.__or__)
            group = self._sequence(closing, join)
            self._next += 1
            return group
        if token.startswith("-") and len(token) > 1:
            return ~self._positive(token[1:])
        return self._positive(token)

    def _positive(self, token: str) -> Where:
        name, colon, value = token.partition(":")
        operator = _OPERATORS.get(name.lower()) if colon else None
        if operator is None:
            return self._plain(self, token.strip('"'))
        if not value and self._next < len(self._tokens) and self._tokens[self._next] in ("(", "{"):
            return self._group_of(operator)
        return operator(self, value.strip('"'))

    def _group_of(self, operator: "_Operator") -> Where:
        """`subject:(dinner movie)`: the operator is for every word of the group."""
        outer, self._plain = self._plain, operator
        group = self._term()
        self._plain = outer
        return group

    def word(self, value: str) -> Where:
        return _contains("all_words", value)

    def after(self, value: str) -> Where:
        return Where("({m}.internal_date >= ?)", (_moment(value),))

    def before(self, value: str) -> Where:
        return Where("({m}.internal_date < ?)", (_moment(value),))

    def newer_than(self, value: str) -> Where:
        return Where("({m}.internal_date >= ?)", (self._ago(value),))

    def older_than(self, value: str) -> Where:
        return Where("({m}.internal_date < ?)", (self._ago(value),))

    def _ago(self, value: str) -> int:
        match = _AGE.fullmatch(value)
        if not match:
            raise BadQueryError(f"{value!r} is not an age such as 2d, 3m or 1y")
        days = int(match[1]) * {"d": 1, "m": 30, "y": 365}[match[2]]
        return int((self._now - days * 86_400) * 1000)

    def sender(self, value: str) -> Where:
        return _contains("sender_words", value)

    def recipient(self, value: str) -> Where:
        return _contains("recipient_words", value)

    def larger(self, value: str) -> Where:
        return Where("({m}.size > ?)", (_bytes(value),))

    def smaller(self, value: str) -> Where:
        return Where("({m}.size < ?)", (_bytes(value),))

    def copied(self, value: str) -> Where:
        return _in_header("cc", value)

    def blind_copied(self, value: str) -> Where:
        return _in_header("bcc", value)

    def delivered_to(self, value: str) -> Where:
        return _in_header("delivered-to", value)

    def mailing_list(self, value: str) -> Where:
        return _in_header("list-id", value)

    def filename(self, value: str) -> Where:
        phrase = words(value)
        if not phrase.strip():
            return ALL
        # Only a mail with an attachment is read for its names.
        return Where(
            "({m}.has_attachment = 1 AND instr(filename_words({m}.raw), ?) > 0)", (phrase,)
        )

    def category(self, value: str) -> Where:
        label = "personal" if value.lower() == "primary" else value
        return has_label(f"CATEGORY_{label.upper()}")

    def subject(self, value: str) -> Where:
        return _contains("subject_words", value)

    def rfc822msgid(self, value: str) -> Where:
        return Where("({m}.rfc822_id = ?)", (value.strip("<>"),))

    def has(self, value: str) -> Where:
        if value.lower() == "attachment":
            return Where("({m}.has_attachment = 1)")
        return NONE

    def label(self, value: str) -> Where:
        wanted = _label_name(value)
        for label_id, name in self._labels:
            if wanted in (_label_name(label_id), _label_name(name)):
                self.everywhere |= label_id in ("SPAM", "TRASH")
                return has_label(label_id)
        return NONE

    def place(self, value: str) -> Where:
        if value.lower() == "anywhere":
            self.everywhere = True
            return ALL
        label_id = _PLACES.get(value.lower())
        if label_id is None:
            return self.label(value)
        self.everywhere |= label_id in ("SPAM", "TRASH")
        return has_label(label_id)

    def state(self, value: str) -> Where:
        if value.lower() == "read":
            return ~has_label("UNREAD")
        label_id = _STATES.get(value.lower())
        return NONE if label_id is None else has_label(label_id)


_Operator = Callable[[_Reader, str], Where]
_OPERATORS: dict[str, _Operator] = {
    "after": _Reader.after, "newer": _Reader.after,
    "before": _Reader.before, "older": _Reader.before,
    "newer_than": _Reader.newer_than, "older_than": _Reader.older_than,
    "from": _Reader.sender, "to": _Reader.recipient, "cc": _Reader.copied,
    "bcc": _Reader.blind_copied, "deliveredto": _Reader.delivered_to,
    "list": _Reader.mailing_list, "filename": _Reader.filename, "category": _Reader.category,
    "larger": _Reader.larger, "size": _Reader.larger, "smaller": _Reader.smaller,
    "subject": _Reader.subject, "rfc822msgid": _Reader.rfc822msgid, "has": _Reader.has,
    "label": _Reader.label, "in": _Reader.place, "is": _Reader.state,
}  # fmt: skip


def _contains(column: str, text: str) -> Where:
    phrase = words(text)
    if not phrase.strip():
        return ALL
    return Where(f"(instr({{m}}.{column}, ?) > 0)", (phrase,))


def _in_header(name: str, text: str) -> Where:
    phrase = words(text)
    if not phrase.strip():
        return ALL
    return Where("(instr(header_words({m}.headers, ?), ?) > 0)", (name, phrase))


def _bytes(value: str) -> int:
    """A size such as 5000, 20K or 10M, in bytes."""
    match = _SIZE.fullmatch(value)
    if not match:
        raise BadQueryError(f"{value!r} is not a size such as 5000, 20K or 10M")
    return int(match[1]) * {"": 1, "k": 1024, "m": 1024 * 1024}[match[2].lower()]


def _label_name(text: str) -> str:
    return re.sub(r"[\s/&()-]+", "-", text.lower())


def _moment(value: str) -> int:
    """Milliseconds since the epoch."""
    if value.isascii() and value.isdecimal() and len(value) <= 12:
        return int(value) * 1000
    match = _DATE.fullmatch(value)
    if not match:
        raise BadQueryError(
            f"{value!r} is neither a date such as 2026/11/23 nor seconds since 1970"
        )
    try:
        day = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=PACIFIC)
    except ValueError as error:
        raise BadQueryError(f"{value!r} is not a date: {error}") from error
    return int(day.timestamp() * 1000)
