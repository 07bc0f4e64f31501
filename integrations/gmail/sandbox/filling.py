"""Fills a mailbox with very many short mails at once: a hundred thousand in some seconds.

What it leaves behind is what as many deliveries would have left, but for one thing: the mails of
a chunk share one history record, as Gmail's records may hold several messages.
"""

import secrets
from datetime import UTC, datetime

from . import mime
from .mailbox import Mailbox

CHUNK = 500  # mails of one transaction and one history record


def fill(
    mailbox: Mailbox,
    draft: mime.Draft,
    label_ids: list[str],
    numbers: range,
    newest: int,
    step: int,
) -> list[str]:
    """Put a mail for each number in; `{n}` in its subject and text becomes the number.

    Mail 1 is the newest, of `newest` (milliseconds), and each further one is `step` milliseconds
    older. Returns the ids. Raises ValueError where the mail isn't short, plain and in ASCII, and
    NoSuchLabelError.
    """
    domain = mailbox.address.partition("@")[2]
    batch = secrets.token_hex(8)
    mails: list[tuple[bytes, mime.Reading, int]] = []
    for number in numbers:
        at = newest - (number - 1) * step
        one = mime.Draft(
            draft.sender,
            draft.to,
            draft.subject.replace("{n}", str(number)),
            draft.text.replace("{n}", str(number)),
        )
        date = datetime.fromtimestamp(at / 1000, UTC)
        written = mime.write_plain(one, date, f"<{batch}.{number}@{domain}>")
        if written is None:
            raise ValueError("fill: subject and text must be short lines of ASCII")
        mails.append((*written, at))
    return mailbox.add_many(mails, label_ids)
