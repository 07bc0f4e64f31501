"""Turns a where-clause into Gmail's search words.

`from='user@example.com' AND subject='x'` becomes `from:user@example.com subject:x`.

https://support.google.com/mail/answer/7190
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from elements.errors import ParameterError
from elements.types import Call
from transport.types import QueryValue

CONDITION = re.compile(
    r"""\s* ([`"]?) (?P<field>[A-Za-z]+) \1 \s* (?P<operator><=|>=|=|<|>) \s*
        (?: '(?P<text>(?:[^']|'')*)' | (?P<word>[0-9A-Za-z_.@+-]+) ) \s* (?P<rest>.*)""",
    re.VERBOSE | re.DOTALL,
)
AND = re.compile(r"and\b", re.IGNORECASE)
SEARCHED = ("from", "to", "cc", "bcc", "subject", "label", "in", "is", "has", "filename")
DATES = ("date", "after", "before", "internaldate")


def search(call: Call) -> dict[str, QueryValue]:
    """The query of messages.list that a hub call asks for.

    Takes Gmail's own `q`, a `where` clause of conditions joined by AND, or both, and `labelIds`
    (comma-separated) and `includeSpamTrash`. Raises ParameterError.
    """
    words = [call.query["q"]] if call.query.get("q") else []
    query: dict[str, QueryValue] = {}
    if where := call.query.get("where", "").strip():
        for field, operator, value in _conditions(where):
            if field == "labelids" and operator == "=":
                query["labelIds"] = _list(value)
            elif field == "includespamtrash" and operator == "=":
                query["includeSpamTrash"] = _flag("where", value)
            elif field == "q" and operator == "=":
                words.append(value)
            else:
                words.append(_word(field, operator, value))
    if "labelIds" in call.query:
        query["labelIds"] = _list(call.query["labelIds"])
    if "includeSpamTrash" in call.query:
        query["includeSpamTrash"] = _flag("includeSpamTrash", call.query["includeSpamTrash"])
    if words:
        query["q"] = " ".join(words)
    return query


def _conditions(where: str) -> list[tuple[str, str, str]]:
    found = []
    rest = where
    while True:
        match = CONDITION.fullmatch(rest)
        if match is None:
            raise ParameterError(
                "where", "must be conditions such as from='user@example.com' joined by AND"
            )
        value = match["word"] if match["text"] is None else match["text"].replace("''", "'")
        found.append((match["field"].lower(), match["operator"], value))
        rest = match["rest"]
        if not rest:
            return found
        joined = AND.match(rest)
        if joined is None:
            raise ParameterError("where", "conditions can only be joined by AND")
        rest = rest[joined.end() :]


def _word(field: str, operator: str, value: str) -> str:
    if field in DATES:
        return _date(field, operator, value)
    if field not in SEARCHED:
        raise ParameterError(
            "where",
            f"messages cannot be searched by {field}; known are {', '.join(SEARCHED)}, date",
        )
    if operator != "=":
        raise ParameterError("where", f"{field} can only be compared with =")
    if '"' in value:
        raise ParameterError("where", f"{field} cannot hold a double quote")
    plain = re.fullmatch(r"[^\s(){}]+", value) is not None
    return f"{field}:{value}" if plain else f'{field}:"{value}"'


def _date(field: str, operator: str, value: str) -> str:
    if field in ("after", "before") and operator == "=":
        word = field
    elif operator in (">", ">="):
        word = "after"
    elif operator in ("<", "<="):
        word = "before"
    else:
        raise ParameterError("where", f"{field} can only be compared with < and >")
    if value.isascii() and value.isdecimal() and len(value) <= 13:
        # internalDate counts milliseconds, Gmail's search seconds.
        seconds = int(value) // 1000 if len(value) > 11 else int(value)
        return f"{word}:{seconds}"
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ParameterError("where", f"{field} must be a date such as 2026-01-31") from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return f"{word}:{int(at.timestamp())}"


def _list(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _flag(name: str, value: str) -> str:
    if value.strip().lower() not in ("true", "false"):
        raise ParameterError(name, "includeSpamTrash must be true or false")
    return value.strip().lower()
