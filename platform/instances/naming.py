"""Names and tags as people write them, without the HTML in them."""

from __future__ import annotations

import html
import re

import nh3

LONGEST_NAME = 200  # characters; the column's length
MOST_ROUNDS = 10  # tags within tags that are taken out one by one; a thousand would take seconds
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")


def plain(text: str) -> str:
    """`text` without HTML tags, its text kept to the letter, blanks at both ends removed.

    `<a href="x">hello</a>` becomes `hello`; `AT&T` and `a < b` stay what they are. What is left
    holds no tag, however the tags were nested.
    """
    text = _CONTROL_CHARACTERS.sub(" ", text)
    for _ in range(MOST_ROUNDS):
        # nh3 reads and writes HTML: escaping "&" first keeps a literal "&lt;" a literal "&lt;".
        stripped = html.unescape(nh3.clean(text.replace("&", "&amp;"), tags=set()))
        if stripped == text:
            return stripped.strip()
        text = stripped  # what remains of "<<b>b>" is a tag again
    return text.replace("<", "").strip()
