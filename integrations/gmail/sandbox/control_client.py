"""The control API from Python, for tests and the demo."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import requests

from .grants import MAIL
from .stand_in import DEFAULT_CLIENT, DEFAULT_MAILBOX

TIMEOUT = 120.0  # seconds; a hundred thousand mails take a while

Json = dict[str, Any]


class ControlFailedError(Exception):
    """The sandbox refused a control request; the message is its own."""


class SandboxControl:
    """A client of one sandbox. Every method raises ControlFailedError where the sandbox says no."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy between two ends of one machine

    # Mail

    def create_mailbox(self, address: str) -> Json:
        """Make a mailbox, or find the one that is there."""
        return self._call("POST", "/mailboxes", {"address": address})

    def change(self, account: str) -> Json:
        """Change something in an account, whatever the sandbox is of: here deliver a mail."""
        return self._call("POST", "/change", {"account": account})

    def deliver(
        self,
        address: str = DEFAULT_MAILBOX,
        *,
        subject: str = "Hello",
        text: str = "A mail from the sandbox.",
        labels: Sequence[str] | None = None,
        **more: object,
    ) -> Json:
        """Deliver one mail; returns its id, threadId and historyId.

        `more` are further fields of the API; `sender` stands for its `from`.
        """
        return self.deliver_many(1, address, subject=subject, text=text, labels=labels, **more)[0]

    def deliver_many(
        self,
        count: int,
        address: str = DEFAULT_MAILBOX,
        *,
        subject: str = "Mail {n}",
        text: str = "Mail number {n}.",
        labels: Sequence[str] | None = None,
        **more: object,
    ) -> list[Json]:
        """Deliver mails; `{n}` in subject and text becomes their number."""
        body = {"count": count, "subject": subject, "text": text, **more}
        if labels is not None:
            body["labels"] = list(labels)
        sender = body.pop("sender", None)
        if sender is not None:
            body["from"] = sender
        answer = self._call("POST", f"{_mailbox(address)}/messages", body)
        messages: list[Json] = answer["messages"]
        return messages

    def fill(self, count: int, address: str = DEFAULT_MAILBOX, **more: object) -> list[str]:
        """Put very many short mails in, fast: the first id is of the newest.

        `more` are further fields of the API: `labels`, `subject`, `text` (with `{n}`), `newest`
        (milliseconds of the first mail) and `step_ms` (how much older each further one is).
        """
        ids: list[str] = self._call("POST", f"{_mailbox(address)}/fill", {"count": count, **more})[
            "ids"
        ]
        return ids

    def create_label(self, name: str, address: str = DEFAULT_MAILBOX) -> Json:
        """Make a label of the user's, or find it."""
        return self._call("POST", f"{_mailbox(address)}/labels", {"name": name})

    def label(
        self,
        message_id: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        address: str = DEFAULT_MAILBOX,
    ) -> Json:
        """Change a message's labels, named by id or name."""
        body = {"add": list(add), "remove": list(remove)}
        return self._call("POST", f"{_message(address, message_id)}/labels", body)

    def label_many(
        self,
        message_ids: Sequence[str],
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        address: str = DEFAULT_MAILBOX,
    ) -> None:
        """Change the labels of many messages at one history id."""
        body = {"ids": list(message_ids), "add": list(add), "remove": list(remove)}
        self._call("POST", f"{_mailbox(address)}/relabel", body)

    def trash(self, message_id: str, address: str = DEFAULT_MAILBOX) -> Json:
        """Put a message into the trash."""
        return self._call("POST", f"{_message(address, message_id)}/trash")

    def untrash(self, message_id: str, address: str = DEFAULT_MAILBOX) -> Json:
        """Take a message out of the trash."""
        return self._call("POST", f"{_message(address, message_id)}/untrash")

    def delete(self, message_id: str, address: str = DEFAULT_MAILBOX) -> None:
        """Delete a message for good."""
        self._call("DELETE", _message(address, message_id))

    def delete_many(self, message_ids: Sequence[str], address: str = DEFAULT_MAILBOX) -> None:
        """Delete messages for good, at one history id."""
        self._call("POST", f"{_mailbox(address)}/delete", {"ids": list(message_ids)})

    def poison(
        self, message_id: str, address: str = DEFAULT_MAILBOX, *, poisoned: bool = True
    ) -> None:
        """Let every read of a message answer 500, or heal it."""
        self._call("POST", f"{_message(address, message_id)}/poison", {"poisoned": poisoned})

    def expire_history(self, address: str = DEFAULT_MAILBOX) -> str:
        """Let every history id issued so far be answered 404; returns the new current id."""
        return str(self._call("POST", f"{_mailbox(address)}/history/expire")["historyId"])

    # Clients and tokens

    def register_client(
        self,
        client_id: str,
        client_secret: str,
        redirect_uris: Sequence[str] | None = None,
        *,
        testing: bool = False,
    ) -> Json:
        """Register an application; without redirect URIs, every one on loopback is accepted."""
        body: Json = {"client_id": client_id, "client_secret": client_secret, "testing": testing}
        if redirect_uris is not None:
            body["redirect_uris"] = list(redirect_uris)
        return self._call("POST", "/clients", body)

    def approve(
        self,
        url: str,
        address: str | None = None,
        *,
        scopes: Sequence[str] | None = None,
        deny: bool = False,
    ) -> str:
        """Answer an authorization URL as its user would; returns the redirect's location."""
        body: Json = {"url": url, "deny": deny}
        if address is not None:
            body["address"] = address
        if scopes is not None:
            body["scopes"] = list(scopes)
        return str(self._call("POST", "/approve", body)["location"])

    def sign_in(
        self,
        address: str = DEFAULT_MAILBOX,
        *,
        scopes: Sequence[str] = (MAIL,),
        client: tuple[str, str] = DEFAULT_CLIENT,
        redirect_uri: str = "http://127.0.0.1/callback",
    ) -> Json:
        """Consent and exchange in one go; returns the token endpoint's answer."""
        query = {
            "client_id": client[0],
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(scopes),
            "access_type": "offline",
            "prompt": "consent",
        }
        location = self.approve(f"{self.url}/o/oauth2/v2/auth?{urlencode(query)}", address)
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(location).query)["code"][0],
            "redirect_uri": redirect_uri,
            "client_id": client[0],
            "client_secret": client[1],
        }
        answer = self._session.post(f"{self.url}/token", data=form, timeout=TIMEOUT)
        answer.raise_for_status()
        tokens: Json = answer.json()
        return tokens

    def expire_access_tokens(self, address: str | None = None) -> int:
        """Let access tokens expire now; returns how many did."""
        return int(self._call("POST", "/tokens/expire", _some(address=address))["expired"])

    def revoke(self, address: str | None = None, client_id: str | None = None) -> int:
        """Revoke all tokens of an account, a client or both; returns how many refresh tokens."""
        body = _some(address=address, client_id=client_id)
        return int(self._call("POST", "/grants/revoke", body)["revoked"])

    # Faults, quota, requests, time

    def add_fault(
        self, match: Mapping[str, object], answer: Mapping[str, object], times: int | None = None
    ) -> int:
        """Order a fault for the next `times` matching requests (None: for ever); returns its id."""
        body: Json = {"match": dict(match), "answer": dict(answer)}
        if times is not None:
            body["times"] = times
        return int(self._call("POST", "/faults", body)["id"])

    def clear_faults(self) -> None:
        """Take all faults away."""
        self._call("DELETE", "/faults")

    def set_quota(self, **settings: object) -> Json:
        """`enforced`, `status`, `generation`, and limits instead of the generation's.

        `per_user_per_minute`, `per_project_per_minute`, `per_project_per_day`, in units.
        """
        return self._call("POST", "/quota", settings)

    def quota(self) -> Json:
        """The counters."""
        return self._call("GET", "/quota")

    def push_to(self, url: str, **settings: object) -> Json:
        """Where notices of watched mailboxes go; `audience`, `service_account`, and what goes
        wrong: `silent`, `drop` (so many), `delay_s`."""
        return self._call("POST", "/push", {"url": url, **settings})

    def set_push(self, **settings: object) -> Json:
        """Changes some of what `push_to` sets."""
        return self._call("POST", "/push", settings)

    def push(self) -> Json:
        """The subscription, who watches, and what became of notices."""
        return self._call("GET", "/push")

    def requests(self, after: int = 0) -> list[Json]:
        """The request log, the oldest first, behind the entry with this number."""
        entries: list[Json] = self._call("GET", f"/requests?after={after}")["requests"]
        return entries

    def clear_requests(self) -> None:
        """Forget the request log."""
        self._call("DELETE", "/requests")

    def advance_clock(self, seconds: float) -> None:
        """Move the sandbox's time forward."""
        self._call("POST", "/clock", {"advance_s": seconds})

    def state(self) -> Json:
        """Time, mailboxes, clients, tokens, faults, quota."""
        return self._call("GET", "/state")

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Json:
        answer = self._session.request(
            method, f"{self.url}/_control{path}", json=body, timeout=TIMEOUT
        )
        if answer.status_code != 200:
            raise ControlFailedError(f"{answer.status_code}: {answer.text}")
        value: Json = answer.json()
        return value


def _some(**values: object) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def _mailbox(address: str) -> str:
    return f"/mailboxes/{quote(address, safe='@')}"


def _message(address: str, message_id: str) -> str:
    return f"{_mailbox(address)}/messages/{quote(message_id, safe='')}"
