"""Headers of a mail as they leave: encoded where they must be, and folded.

Rule 1: nothing that a machine reads is ever encoded: commas, addresses, Message-IDs, tokens.
Rule 2: a line is folded only before a blank that is there, so that unfolding it, RFC 5322 section
        2.2.3, gives the value back exactly.
Rule 3: the email package folds no header of ours: what it encodes differs between releases of
        Python, and some of them encode commas.
Sources: RFC 5322, sections 2.1.1 and 2.2.3 (lines); RFC 2047 (encoded words); RFC 2231 (names of
files).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from email.charset import Charset
from email.quoprimime import header_length
from urllib.parse import quote

from integrations.gmail.mail_address import MailAddress, quoted

LINE = 78  # characters; a longer word has a line of its own
MAX_WORD = 900  # characters: with the longest name it stays below a line's limit, 998
MAX_QUOTED = 200  # characters of a name in quotes, which cannot be folded
ENCODED = 75 - len("=?utf-8?q??=")  # characters of text in an encoded word
PARAMETER = 60  # characters of a piece of a file's name

_UTF_8 = Charset("utf-8")
_WORD = re.compile(r"[ \t]*[^ \t]+")
_PLAIN = re.compile(r"[ \t!-~]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def text(name: str, value: str) -> str:
    """Return the value of a header that people read (Subject): encoded where it isn't ASCII."""
    words = _WORD.findall(value)
    if _PLAIN.fullmatch(value) and "=?" not in value and all(len(w) < MAX_WORD for w in words):
        return _folded(name, words)
    return _folded(name, (f" {word}" for word in _encoded(value)))


def tokens(name: str, value: str) -> str:
    """Return the value of a header that machines may read: ASCII stays exactly as it is.

    Words that aren't ASCII are encoded, with the blanks between them. Raises ValueError for what
    no header can hold: a word of more than MAX_WORD characters, or an address in < > that isn't
    ASCII.
    """
    words = _WORD.findall(value)
    if any(len(word) > MAX_WORD for word in words):
        raise ValueError(f"has a word of more than {MAX_WORD} characters: no line of a mail holds")
    if any(not one.partition("<")[2].isascii() for one in value.split(">")[:-1]):
        raise ValueError("must be ASCII between < and >")
    chunks: list[str] = []
    pending = ""
    for word in [*words, ""]:
        if word and not _PLAIN.fullmatch(word):
            pending += word
            continue
        if content := pending.lstrip(" \t"):
            first, *others = _encoded(content)
            chunks += [pending[: -len(content)] + first, *(f" {one}" for one in others)]
        pending = ""
        chunks.append(word)
    return _folded(name, chunks)


def addresses(name: str, value: Sequence[MailAddress]) -> str:
    """Return the value of a header of addresses: names encoded, all else as it is."""
    chunks: list[str] = []
    for index, address in enumerate(value):
        comma = "," if index + 1 < len(value) else ""
        words = _phrase(address.name)
        spec = f"<{address.addr_spec}>" if words else address.addr_spec
        chunks += (f" {word}" for word in [*words, spec + comma])
    return _folded(name, chunks)


def disposition(kind: str, filename: str) -> str:
    """Return the value of Content-Disposition: "attachment" or "inline", and the file's name."""
    parameters = [f"filename={quoted(filename)}"]
    if not (filename.isascii() and filename.isprintable()):
        parameters = _encoded_parameters("filename", filename)
    ended = [f" {one};" for one in parameters[:-1]] + [f" {parameters[-1]}"]
    return _folded("Content-Disposition", [f"{kind};", *ended])


def _encoded_parameters(name: str, value: str) -> list[str]:
    """Return a parameter in UTF-8, cut into pieces where it is long (RFC 2231, section 4.1)."""
    pieces = [""]
    for character in value:
        written = quote(character, safe="", errors="replace")
        if len(pieces[-1]) + len(written) > PARAMETER:
            pieces.append("")
        pieces[-1] += written
    if len(pieces) == 1:
        return [f"{name}*=utf-8''{pieces[0]}"]
    first, *others = pieces
    return [f"{name}*0*=utf-8''{first}", *(f"{name}*{n}*={p}" for n, p in enumerate(others, 1))]


def _phrase(name: str) -> list[str]:
    """Return a person's name as words, none of which may be cut."""
    if not name:
        return []
    if name.isascii() and name.isprintable() and "=?" not in name:
        if _ATOMS.fullmatch(name) and max(map(len, name.split(" "))) <= MAX_QUOTED:
            return name.split(" ")
        if len(name) <= MAX_QUOTED:
            return [quoted(name)]
    return _encoded(name)


def _encoded(value: str) -> list[str]:
    """Return encoded words of RFC 2047, each of whole characters, that are right in names too."""
    words = [""]
    in_q = in_bytes = 0
    for character in value.encode("utf-8", "replace").decode():
        content = character.encode()
        in_q += header_length(content)
        in_bytes += len(content)
        if min(in_q, (in_bytes + 2) // 3 * 4) > ENCODED:
            words.append("")
            in_q, in_bytes = header_length(content), len(content)
        words[-1] += character
    return [_UTF_8.header_encode(word) for word in words]


def _folded(name: str, chunks: Iterable[str]) -> str:
    """Return the chunks on lines of at most LINE characters, as far as they can be cut.

    A chunk that may begin a line begins with a blank.
    """
    lines = [f"{name}:"]
    for chunk in chunks:
        is_first = len(lines) == 1 and lines[0] == f"{name}:"
        if not is_first and chunk[:1] in (" ", "\t") and len(lines[-1]) + len(chunk) > LINE:
            lines.append("")
        lines[-1] += chunk
    return "\r\n".join(lines)[len(name) + 1 :].lstrip(" \t")
