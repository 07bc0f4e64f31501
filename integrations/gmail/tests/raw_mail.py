"""A second reader of mails: it looks at the bytes, and shares nothing with what wrote them.

The email package would decode what must not have been encoded, and so hide it.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

MAX_LINE = 998  # RFC 5322, 2.1.1
_WORD = re.compile(rb"=\?utf-8\?([qb])\?([^? ]*)\?=")


def headers_of(part: bytes) -> dict[str, bytes]:
    """Return the headers by lower-case name, unfolded (RFC 5322, 2.2.3), each checked."""
    head = part.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert all(line.strip() and len(line) <= MAX_LINE for line in head.split(b"\r\n"))
    found: dict[str, bytes] = {}
    for line in re.sub(rb"\r\n(?=[ \t])", b"", head).split(b"\r\n"):
        name, colon, value = line.partition(b":")
        assert colon
        assert name.lower() not in map(str.encode, found)
        found[name.lower().decode()] = value.strip(b" \t")
    return found


def decoded(value: bytes) -> str:
    """Return the text with its encoded words decoded, each of whole characters (RFC 2047)."""
    joined = re.sub(rb"(?<=\?=)[ \t]+(?==\?utf-8\?)", b"", value)
    assert all(len(word[0]) <= 75 for word in _WORD.finditer(value))
    return _WORD.sub(lambda word: _content(word[1], word[2]), joined).decode()


def _content(encoding: bytes, text: bytes) -> bytes:
    if encoding == b"q":
        content = binascii.a2b_qp(text, header=True)
    else:
        content = base64.b64decode(text, validate=True)
    content.decode()  # no character is cut
    return content


def recipients(value: bytes) -> list[tuple[str, str]]:
    """Return (name, address) of each entry between two commas, as a mail server finds them."""
    return [_recipient(entry) for entry in _entries(value)]


def _entries(value: bytes) -> list[bytes]:
    entries, in_quotes, escaped = [b""], False, False
    for byte in (value[at : at + 1] for at in range(len(value))):
        if byte == b"," and not in_quotes:
            entries.append(b"")
            continue
        if byte == b'"' and not escaped:
            in_quotes = not in_quotes
        escaped = byte == b"\\" and not escaped
        entries[-1] += byte
    assert not in_quotes
    return [entry.strip() for entry in entries]


def _recipient(entry: bytes) -> tuple[str, str]:
    if not entry.endswith(b">"):
        return "", entry.decode()
    name, _, spec = entry[:-1].rpartition(b"<")
    name = name.strip()
    if name.startswith(b'"'):
        assert name.endswith(b'"')
        assert b"=?" not in name, "no reader decodes within quotes"
        return re.sub(r"\\(.)", r"\1", name[1:-1].decode()), spec.decode()
    for word in name.split():  # RFC 2047, section 5, (3): what may stand in a phrase
        assert re.fullmatch(rb"=\?utf-8\?[qb]\?[A-Za-z0-9!*+/=_-]*\?=|[^\"(),.:;<>@\[\]\\]+", word)
    return decoded(name), spec.decode()


def filename(value: bytes) -> str:
    """Return the parameter `filename` of Content-Disposition (RFC 2183, RFC 2231)."""
    parameters = dict(re.findall(rb'; *([^ =;]+)=("(?:[^"\\]|\\.)*"|[^";]*)', value))
    if (plain := parameters.get(b"filename")) is not None:
        return re.sub(r"\\(.)", r"\1", plain[1:-1].decode())
    pieces = [parameters[name] for name in sorted(parameters, key=_place)]
    charset, language, text = b"".join(pieces).split(b"'", 2)
    assert (charset, language) == (b"utf-8", b"")
    return unquote_to_bytes(text).decode()


def _place(name: bytes) -> int:
    found = re.fullmatch(rb"filename(?:\*(\d+))?\*", name)
    assert found is not None
    return int(found[1] or 0)
