"""Addresses of mails, read from text: what a caller sends, or a header of somebody's mail.

Rule 1: no parser of the interpreter's is asked. Those of the email package have changed within
        releases of Python, and a recipient must never depend on one.
Rule 2: a name may be any text on one line. An address is ASCII, and written as it must stand in
        a mail.
Sources: RFC 5322, sections 3.2 (quoted strings, comments), 3.4 (addresses, groups) and 4.4;
RFC 5321, section 4.5.3.1 (lengths); RFC 5891 (names of hosts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import idna

from integrations.gmail import header_text

MAX_LENGTH = 320  # characters: 64 before the @, and 255 after it
EXPECTED = "must be addresses such as user@example.com, separated by commas"

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]++)
    | (?P<word>=\?[^?\s]++\?[QqBb]\?(?:[^?=]|=(?!\?[^=])|\?(?!=))*+\?=)
    | "(?P<quoted>(?:[^"\\]|\\.)*+)"
    | <(?P<angle>(?:[^<>"]|"(?:[^"\\]|\\.)*+")*+)>
    | (?P<mark>[,:;()])
    | (?P<atom>[^\s"<>(),:;]++)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r'["\\]')
_ADDRESS = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|([^"@\s]++))@([^@\s]++)', re.DOTALL)
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_LOOSE_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_LITERAL = re.compile(r"\[[!-Z^-~]+\]")
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*")
_PLAIN_NAME = re.compile(r"[^\x00-\x1f\"(),.:;<>@\[\\\]]*")


@dataclass(frozen=True, slots=True)
class MailAddress:
    """A name, "" where there is none, and the address as it stands in a mail."""

    name: str
    addr_spec: str

    def __str__(self) -> str:
        """Return what `addresses_of` reads as this address again."""
        if not self.name:
            return self.addr_spec
        name = self.name if _PLAIN_NAME.fullmatch(self.name) else quoted(self.name)
        return f"{name} <{self.addr_spec}>"


def quoted(text: str) -> str:
    """Return the text as a quoted string."""
    return '"' + _SPECIAL.sub(r"\\\g<0>", text) + '"'


def addresses_of(text: str) -> tuple[MailAddress, ...]:
    """Read the addresses of a header's value: names decoded, members of groups one by one.

    Raises ValueError where something is no address, with what would be right.
    """
    found = [_address(entry) for entry in _entries(text)]
    if not found:
        raise ValueError(EXPECTED)
    return tuple(found)


@dataclass(slots=True)
class _Entry:
    """What stands between two commas: words before the address, the address, comments."""

    words: list[str]
    comments: list[str]
    angle: str | None = None
    parts: int = 0  # words, strings and addresses, in the order they came
    raw: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.parts and not self.comments


def _entries(text: str) -> Iterator[_Entry]:
    """Yield every entry that holds something. Raises ValueError for what can't be told apart."""
    entry, at, in_group = _Entry([], []), 0, False
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"{text[at : at + 100]!r} has no end; {EXPECTED.partition(' ')[2]}")
        kind, at = token.lastgroup, token.end()
        mark = token["mark"]
        if mark == "(":
            comment, at = _comment(text, at)
            entry.comments.append(comment)
        elif mark == ":" and not in_group and entry.angle is None:
            entry, in_group = _Entry([], []), True
        elif mark == "," or (mark == ";" and in_group):
            if not entry.is_empty:
                yield entry
            entry, in_group = _Entry([], []), in_group and mark == ","
        elif mark is not None:
            raise ValueError(f"{mark!r} is not expected; {EXPECTED}")
        elif kind != "blank":
            _add(entry, token)
    if not entry.is_empty:
        yield entry


def _add(entry: _Entry, token: re.Match[str]) -> None:
    if entry.angle is not None:
        raise ValueError(f"{token[0][:100]!r} follows an address without a comma")
    entry.parts += 1
    entry.raw = f"{entry.raw} {token[0]}" if entry.raw else token[0]
    if (angle := token["angle"]) is not None:
        entry.angle = angle
    elif (string := token["quoted"]) is not None:
        entry.words.append(_ESCAPED.sub(r"\1", string))
    else:
        entry.words.append(token[0])


def _comment(text: str, at: int) -> tuple[str, int]:
    """Return what stands between two parentheses, which nest, and where it goes on."""
    start, depth = at, 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in "()":
            depth += 1 if text[at] == "(" else -1
        at += 1
        if not depth:
            return _ESCAPED.sub(r"\1", text[start : at - 1]), at
    raise ValueError(f"{text[start - 1 : start + 99]!r} has no end: a ) is missing")


def _address(entry: _Entry) -> MailAddress:
    name = " ".join(entry.words) if entry.angle is not None else ""
    if entry.comments:
        comment = " ".join(entry.comments)
        name = f"{name} ({comment})" if name else comment
    spec = entry.raw.replace('" @', '"@') if entry.angle is None else entry.angle
    return MailAddress(_one_line(header_text.decoded(name)), _addr_spec(spec.strip()))


def _one_line(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split(" ")).strip()


def _addr_spec(text: str) -> str:
    """Return the address as it must be written. Raises ValueError for what is none."""
    parts = _ADDRESS.fullmatch(text)
    if parts is None:
        raise ValueError(_refusal(text))
    local = parts[2] if parts[1] is None else _ESCAPED.sub(r"\1", parts[1])
    if parts[1] is None and not _LOOSE_ATOM.fullmatch(local):
        raise ValueError(_refusal(text))
    if not (local.isascii() and local.isprintable()):
        raise ValueError(_refusal(text))
    if not _DOT_ATOM.fullmatch(local):
        local = quoted(local)
    spec = f"{local}@{_host(parts[3], text)}"
    if len(spec) > MAX_LENGTH:
        raise ValueError(f"{text[:100]!r} is longer than {MAX_LENGTH} characters")
    return spec


def _host(host: str, text: str) -> str:
    if _LITERAL.fullmatch(host) or _HOST.fullmatch(host):
        return host
    if host.isascii():
        raise ValueError(_refusal(text))
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"{text[:100]!r} is not an address: {error}") from error


def _refusal(text: str) -> str:
    return (
        f"{text[:100]!r} is not an address such as user@example.com; "
        'a name with a comma needs quotes: "Last, First" <user@example.com>'
    )
