"""Bytes of a mail as text, whatever their label says. Nothing raises; time grows with the length.

Rule 1: Gmail gives bodies in UTF-8 and leaves the label that the mail came with. Bytes that are
        UTF-8 are hardly ever anything else, so the label decides only where they are not, or
        where they hold what only its character set writes (an escape sequence, a null byte).
Rule 2: a label means what the encoding standard says it means: mostly a superset.
Source: https://encoding.spec.whatwg.org/#names-and-labels
"""

from __future__ import annotations

import codecs

import webencodings

from transport.errors import storable

# Codecs that are no character sets of mail, and slow or surprising on hostile bytes.
_UNWANTED = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"}
# The standard's decoder of GBK is that of GB 18030, and its ISO-2022-JP knows katakana.
_SUPERSETS = {"gbk": "gb18030", "iso-2022-jp": "iso2022_jp_ext"}
# Character sets that are written in ASCII, and what their text has where it isn't plain ASCII.
_IN_ASCII = (("iso2022", (b"\x1b", b"\x0e")), ("hz", (b"~",)), ("utf-7", (b"+",)))
_WIDE = ("utf-16", "utf-32")
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_JAPANESE = (b"\x1b$B", b"\x1b$@")


def text_of(content: bytes, charset: str) -> str:
    """Return the bytes as text in this character set, or in one that fits."""
    name = _codec(charset)
    for beginning, marks in _IN_ASCII:
        is_marked = name.startswith(beginning) and any(mark in content for mark in marks)
        if is_marked and content.isascii() and (text := _exact(content, name)) is not None:
            return storable(text)
    if name.startswith(_WIDE) and (content.startswith(_WIDE_MARKS) or b"\0" in content):
        return storable(_wide(content, name))
    if content.isascii() and any(mark in content for mark in _JAPANESE):
        name = "iso2022_jp_ext"
        if (text := _exact(content, name)) is not None:
            return storable(text)
    elif (text := _exact(content, "utf-8-sig")) is not None:
        return text
    try:
        return storable(content.decode(name, "replace"))
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _codec(charset: str) -> str:
    """Return the codec of this label; UTF-8 where there is none."""
    encoding = webencodings.lookup(charset.encode("ascii", "replace").decode())
    if encoding is not None and encoding.name not in ("replacement", "x-user-defined"):
        return _SUPERSETS.get(encoding.name, str(encoding.codec_info.name))
    try:
        name = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in _UNWANTED else name


def _exact(content: bytes, name: str) -> str | None:
    """Return the text if every byte of it is in this character set, and None if not.

    ISO-2022-JP is often written with Microsoft's characters (such as a 1 in a circle), which are
    in JIS X 0213 at the same places.
    """
    candidates = [(name, content)]
    if name == "iso2022_jp_ext":
        candidates.append(("iso2022_jp_2004", content.replace(b"\x1b$B", b"\x1b$(Q")))
    for codec, written in candidates:
        try:
            return written.decode(codec)
        except (LookupError, ValueError):
            continue
    return None


def _wide(content: bytes, name: str) -> str:
    """Return UTF-16 or UTF-32 as text; a mark at its beginning says more than the label."""
    for codec in ("utf-32", "utf-16") if content.startswith(_WIDE_MARKS) else (name,):
        if (text := _exact(content, codec)) is not None:
            return text
    return content.decode("utf-16" if content.startswith(_WIDE_MARKS) else name, "replace")
