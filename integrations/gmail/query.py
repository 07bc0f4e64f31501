"""What a hub call asks of messages.list and threads.list: Gmail's `q`, labelIds, includeSpamTrash.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list
"""

from __future__ import annotations

from ceql import And, Comparison, Condition, WhereError, parse
from elements.calls import Call
from elements.errors import ParameterError
from integrations.gmail.search.own_words import check_brackets
from integrations.gmail.search.words import words
from transport.types import QueryValue

LONGEST = 4000  # characters of q; it travels in an address, percent-encoded


def search(call: Call) -> dict[str, QueryValue]:
    """The query of a list call.

    Takes Gmail's own `q`, a `where` clause, or both, which then hold together, and `labelIds`
    (comma-separated) and `includeSpamTrash`. Raises ParameterError.
    """
    where = _Where(call.query.get("where", ""))
    label_ids = list(dict.fromkeys(where.label_ids + _list(call.query.get("labelIds", ""))))
    query: dict[str, QueryValue] = {}
    if q := _joined(call.query.get("q", "").strip(), where.words):
        query["q"] = q
    if label_ids:
        query["labelIds"] = label_ids
    flags = where.spam_and_trash
    if call.query.get("includeSpamTrash"):
        flags = flags | {_flag("includeSpamTrash", call.query["includeSpamTrash"])}
    if len(flags) > 1:
        raise ParameterError("includeSpamTrash", "must not be both true and false")
    for flag in flags:
        query["includeSpamTrash"] = flag
    return query


class _Where:
    """A where-clause taken apart into words of `q` and what are parameters of their own.

    A parameter holds for the whole call, so it can only stand beside everything else (AND).
    """

    def __init__(self, text: str) -> None:
        self.words: list[str] = []
        self.label_ids: list[str] = []
        self.spam_and_trash: frozenset[str] = frozenset()
        for part in _parts(text):
            self._take(part)

    def _take(self, part: Condition) -> None:
        name = part.field.lower() if isinstance(part, Comparison) else ""
        if isinstance(part, Comparison) and part.operator == "=" and name == "labelids":
            found = _list(str(part.value))
            if not found:
                raise ParameterError("where", "labelIds must be the id of a label")
            self.label_ids += found
        elif isinstance(part, Comparison) and part.operator == "=" and name == "includespamtrash":
            self.spam_and_trash |= {_flag("where", str(part.value))}
        else:
            self.words.append(words(part))


def _parts(text: str) -> tuple[Condition, ...]:
    """The conditions that must all hold."""
    if not text.strip():
        return ()
    try:
        condition = parse(text)
    except WhereError as error:
        raise ParameterError("where", str(error)) from error
    return condition.conditions if isinstance(condition, And) else (condition,)


def _joined(q: str, found: list[str]) -> str:
    if q and found:
        # Without brackets an OR at the end of the one would reach into the other.
        check_brackets("q", q)
        q = f"({q})"
    joined = " ".join([q, *found] if q else found)
    if len(joined) > LONGEST:
        raise ParameterError(
            "where" if found else "q",
            f"makes a search of {len(joined)} characters; {LONGEST} are allowed",
        )
    return joined


def _list(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _flag(name: str, value: str) -> str:
    if value.strip().lower() not in ("true", "false"):
        raise ParameterError(name, "includeSpamTrash must be true or false")
    return value.strip().lower()
