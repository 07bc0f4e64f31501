"""Text of a header's value: encoded words of RFC 2047 decoded, in time that grows with its length.

The email package's own decoder raises on hostile values, and takes time that grows with their
square.
"""

from __future__ import annotations

import binascii
import re

from integrations.gmail.charsets import text_of
from transport.errors import storable

# Of any length and with blanks, as broken mailers write them. None begins within another, so that
# each character is looked at once.
_WORD = re.compile(
    r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,60})?\?([QqBb])\?((?:[^?=]|=(?!\?[^=])|\?(?!=))*+)\?="
)


def decoded(value: str) -> str:
    """The value on one line, its encoded words decoded. Nothing raises."""
    unfolded = re.sub(r"\r?\n[ \t]?", " ", value) if "\n" in value else value
    if "=?" not in unfolded:
        return storable(unfolded).strip()
    parts: list[str] = []
    pending, charset, end = b"", "", 0
    for match in _WORD.finditer(unfolded):
        content = _content(match[2], match[3])
        if content is None:
            continue
        between = unfolded[end : match.start()]
        # Blanks between two encoded words vanish (section 6.2); a character may be cut in two.
        if between.strip() or end == 0 or match[1].lower() != charset:
            parts.append(text_of(pending, charset))
            parts.append(between if between.strip() or end == 0 else "")
            pending = b""
        pending, charset, end = pending + content, match[1].lower(), match.end()
    parts.append(text_of(pending, charset))
    parts.append(unfolded[end:])
    return storable("".join(parts)).strip()


def _content(encoding: str, text: str) -> bytes | None:
    """The bytes of one encoded word; None where it isn't one."""
    try:
        if encoding in "Qq":
            return binascii.a2b_qp(text.encode("utf-8"), header=True)
        plain = b"".join(text.encode("ascii").split())
        return binascii.a2b_base64(plain + b"=" * (-len(plain) % 4))
    except (ValueError, binascii.Error):
        return None
