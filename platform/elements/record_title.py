"""The line that people know a record by, such as the subject and the sender of a mail.

What is in it comes from a provider, and from whoever writes to the account there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from elements.json_key import at
from elements.types import Resource

MOST_PARTS = 3
LONGEST_PART = 120  # characters
READ = 1_000  # characters of a part that are looked at
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")


def title_of(resource: Resource, record: Any) -> tuple[str, ...]:
    """Return the parts of the title, the most telling first; none where the record has none.

    Each is one line without characters that are not seen or turn the direction of what follows.
    """
    if not isinstance(record, Mapping):
        return ()
    if resource.title is not None:
        values = list(resource.title(record))
    else:
        values = [at(record, name) for name in resource.title_fields]
    parts = [_part(value) for value in values[:MOST_PARTS]]
    return tuple(part for part in parts if part)


def _part(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value)[:READ].encode("utf-8", "replace").decode()  # halves of surrogate pairs
    line = _UNSEEN.sub(" ", text).strip()
    return line if len(line) <= LONGEST_PART else f"{line[:LONGEST_PART].rstrip()}…"
