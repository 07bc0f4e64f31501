"""A provider of mailboxes with one new message each, and the receiver of what is told of them.

`python -m benchmarks.mailboxes PORT`, a process of its own. Mailbox `n` is that of the access
token `rows.access_token(n)`; its message has the id `message_id(n)`. Callbacks are checked as they
arrive, both signatures; GET /received says how many there were, as `Received` has it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field

from benchmarks.stub import Answerer, http_200, serve
from demo.receiver import legacy_signature_verifies, standard_signature_verifies

SIGNATURE_KEY = "a-signature-key-of-the-benchmarks"
START, NOW = "987654321", "987654400"  # history ids: before the message, and after it
HISTORY, MESSAGE = "/gmail/v1/users/me/history", "/gmail/v1/users/me/messages/"
CALLBACK, BARE_CALLBACK = "/events", "/bare"
TEXT = "What was agreed last week still stands, with one change. " * 12


def message_id(number: int) -> str:
    return f"{number:016x}"


@dataclass
class Received:
    """`objects` counts each message's callbacks; `forged` are those whose signatures fail."""

    objects: dict[str, int] = field(default_factory=dict)
    forged: int = 0


class Mailboxes(Answerer):
    def __init__(self, received: Received) -> None:
        super().__init__()
        self._all = received

    def answer(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, _, rest = first.partition(" ")
        path, _, query = rest.partition(" ")[0].partition("?")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        if method == "POST":
            answered: object = self._callback(path, headers, body)
        elif path == HISTORY:
            number = int(headers["authorization"].rpartition(".")[2])
            answered = history(number, new=f"startHistoryId={START}" in query)
        elif path.startswith(MESSAGE):
            answered = message(path.removeprefix(MESSAGE))
        else:
            answered = asdict(self._all)
        self.send(http_200(json.dumps(answered).encode()))

    def _callback(self, path: str, headers: dict[str, str], body: bytes) -> object:
        if not (
            legacy_signature_verifies(SIGNATURE_KEY, headers, body)
            and standard_signature_verifies(SIGNATURE_KEY, headers, body)
        ):
            self._all.forged += 1
        elif path == CALLBACK:
            for event in json.loads(body)["message"]["events"]:
                key = event["objectId"]
                self._all.objects[key] = self._all.objects.get(key, 0) + 1
        return {}


def history(number: int, *, new: bool) -> object:
    if not new:
        return {"historyId": NOW}
    one = {"id": message_id(number), "threadId": message_id(number), "labelIds": ["INBOX"]}
    record = {"id": NOW, "messages": [one], "messagesAdded": [{"message": one}]}
    return {"history": [record], "historyId": NOW}


def message(id_: str) -> object:
    return {
        "id": id_,
        "threadId": id_,
        "labelIds": ["UNREAD", "CATEGORY_PERSONAL", "INBOX"],
        "snippet": TEXT[:180],
        "historyId": NOW,
        "internalDate": "1764590000000",
        "sizeEstimate": 4321,
        "payload": {
            "partId": "",
            "mimeType": "text/plain",
            "filename": "",
            "headers": [
                {"name": "From", "value": "A sender <sender@example.com>"},
                {"name": "To", "value": "A reader <reader@example.com>"},
                {"name": "Subject", "value": "What was agreed"},
                {"name": "Date", "value": "Mon, 1 Dec 2025 11:53:20 +0000"},
                {"name": "Message-ID", "value": f"<{id_}@example.com>"},
            ],
            "body": {"size": 0},
        },
    }


if __name__ == "__main__":
    everything = Received()
    asyncio.run(serve(int(sys.argv[1]), lambda: Mailboxes(everything)))
