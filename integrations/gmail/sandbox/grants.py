"""Who may do what: clients, consents, codes and tokens, with the rules by which they die.

No HTTP here. Refused requests raise OAuthError, worded as Google words it.
Source: https://developers.google.com/identity/protocols/oauth2/web-server
"""

import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.sandbox.loopback import is_loopback_url
from integrations.sandbox.proof_key import Challenge

from .clock import Clock
from .errors import OAuthError
from .store import Store

CODE_LIFETIME = 600  # seconds
ACCESS_LIFETIME = 3599  # seconds
TESTING_LIFETIME = 604_799  # seconds that a refresh token of an app in "Testing" lives
MAX_REFRESH_TOKENS = 100  # live ones of one account and client; the oldest dies silently

MAIL = "https://mail.google.com/"
_AUTH = "https://www.googleapis.com/auth/"
# The scopes that may be asked for, with the sentence that the consent page shows.
SCOPES = {
    MAIL: "Read, compose, send, and permanently delete all your email from Gmail",
    f"{_AUTH}gmail.readonly": "View your email messages and settings",
    f"{_AUTH}gmail.metadata": "View your email message metadata such as labels and headers, "
    "but not the email body",
    f"{_AUTH}gmail.modify": "Read, compose, and send emails from your Gmail account",
    f"{_AUTH}gmail.compose": "Manage drafts and send emails",
    f"{_AUTH}gmail.send": "Send email on your behalf",
    f"{_AUTH}gmail.insert": "Add emails into your Gmail mailbox",
    f"{_AUTH}gmail.labels": "See and edit your email labels",
    f"{_AUTH}gmail.settings.basic": "See, edit, create, or change your email settings and "
    "filters in Gmail",
    f"{_AUTH}gmail.settings.sharing": "Manage your sensitive mail settings, including who can "
    "manage your mail",
}
# Asked for without a checkbox: whoever signs in grants them.
IDENTITY_SCOPES = ("openid", "email", "profile", f"{_AUTH}userinfo.email",
                   f"{_AUTH}userinfo.profile")  # fmt: skip


@dataclass(frozen=True)
class Client:
    """A registered application."""

    client_id: str
    redirect_uris: tuple[str, ...]
    any_loopback: bool
    testing: bool

    def accepts(self, redirect_uri: str) -> bool:
        """Whether the redirect URI is registered, compared letter by letter."""
        return redirect_uri in self.redirect_uris or (
            self.any_loopback and is_loopback_url(redirect_uri)
        )


@dataclass(frozen=True)
class Permission:
    """What a live access token allows."""

    address: str
    client_id: str
    scopes: frozenset[str]


class Grants:
    """Every client, consent, code and token."""

    def __init__(self, store: Store, clock: Clock, *, open_registration: bool = False) -> None:
        self._store = store
        self._clock = clock
        self.open_registration = open_registration

    # Clients

    def register(
        self,
        client_id: str,
        secret: str | None,
        redirect_uris: Sequence[str] = (),
        *,
        any_loopback: bool = False,
        testing: bool = False,
    ) -> Client:
        """Register an application, or replace what is known about it."""
        self._store.execute(
            "INSERT OR REPLACE INTO client VALUES (?, ?, ?, ?, ?)",
            (client_id, secret, json.dumps(list(redirect_uris)), int(any_loopback), int(testing)),
        )
        return Client(client_id, tuple(redirect_uris), any_loopback, testing)

    def client(self, client_id: str) -> Client | None:
        """The application with this id; with open registration, any id is one."""
        row = self._store.one("SELECT * FROM client WHERE client_id = ?", (client_id,))
        if row is not None:
            return _client(row)
        if self.open_registration and client_id:
            return self.register(client_id, None, any_loopback=True)
        return None

    def clients(self) -> list[Client]:
        """Every registered application."""
        return [_client(row) for row in self._store.all("SELECT * FROM client ORDER BY client_id")]

    def authenticate(self, client_id: str, secret: str) -> Client:
        """The application, if the secret is its own."""
        client = self.client(client_id)
        if client is None:
            raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
        row = self._store.one("SELECT secret FROM client WHERE client_id = ?", (client_id,))
        if row["secret"] is None and secret:
            self._store.execute(
                "UPDATE client SET secret = ? WHERE client_id = ?", (secret, client_id)
            )
        elif not hmac.compare_digest(str(row["secret"]).encode(), secret.encode()):
            raise OAuthError(401, "invalid_client", "Unauthorized")
        return client

    # Consent and codes

    def consent(
        self,
        client: Client,
        address: str,
        scopes: Sequence[str],
        redirect_uri: str,
        challenge: Challenge | None,
        *,
        offline: bool,
        prompted: bool,
        incremental: bool,
    ) -> str:
        """Note what the user granted; returns the code to be exchanged.

        A refresh token will come of it for `offline` access, at the first consent or when the
        user was `prompted` for it. `incremental` adds the scopes granted before.
        """
        with self._store.transaction():
            key = (client.client_id, address)
            row = self._store.one(
                "SELECT scope FROM consent WHERE client_id = ? AND address = ?", key
            )
            before = row["scope"].split() if row else []
            granted = list(dict.fromkeys([*scopes, *before])) if incremental else list(scopes)
            self._store.execute(
                "INSERT OR REPLACE INTO consent VALUES (?, ?, ?)",
                (*key, " ".join(dict.fromkeys([*before, *scopes]))),
            )
            code = f"4/0A{secrets.token_urlsafe(40)}"
            self._store.execute(
                "INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    code, *key, redirect_uri, " ".join(granted),
                    challenge and challenge.value, challenge and challenge.method,
                    int(offline and (prompted or row is None)),
                    self._clock.now() + CODE_LIFETIME,
                ),
            )  # fmt: skip
        return code

    def exchange(
        self, client: Client, code: str, redirect_uri: str, verifier: str
    ) -> dict[str, object]:
        """Tokens for a code, once. Raises OAuthError."""
        with self._store.transaction():
            row = self._store.one("SELECT * FROM code WHERE code = ?", (code,))
            if row is None:
                raise OAuthError(400, "invalid_grant", "Malformed auth code.")
            if row["client_id"] != client.client_id:
                raise OAuthError(400, "invalid_grant", "The code was issued to another client.")
            if row["used"]:
                raise OAuthError(400, "invalid_grant", "The code was already redeemed.")
            if row["expires_at"] <= self._clock.now():
                raise OAuthError(400, "invalid_grant", "The code has expired.")
            if row["redirect_uri"] != redirect_uri:
                raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
            if row["challenge"] is not None:
                if not verifier:
                    raise OAuthError(400, "invalid_grant", "Missing code verifier.")
                if not Challenge(row["challenge"], row["challenge_method"]).met_by(verifier):
                    raise OAuthError(400, "invalid_grant", "Invalid code verifier.")
            self._store.execute("UPDATE code SET used = 1 WHERE code = ?", (code,))
            if not row["refreshable"]:
                return self._access(client, row["address"], row["scope"], None)
            return self._refreshable(client, row["address"], row["scope"])

    # Tokens

    def refresh(self, client: Client, token: str) -> dict[str, object]:
        """A new access token. Raises OAuthError."""
        row = self._store.one("SELECT * FROM refresh_token WHERE token = ?", (token,))
        if row is None or row["client_id"] != client.client_id:
            raise OAuthError(400, "invalid_grant", "Bad Request")
        expired = row["expires_at"] is not None and row["expires_at"] <= self._clock.now()
        if row["revoked"] or expired:
            raise OAuthError(400, "invalid_grant", "Token has been expired or revoked.")
        answer = self._access(client, row["address"], row["scope"], row["id"])
        if row["expires_at"] is not None:
            answer["refresh_token_expires_in"] = int(row["expires_at"] - self._clock.now())
        return answer

    def revoke(self, token: str) -> None:
        """Withdraw the consent that an access or refresh token stands for. Raises OAuthError.

        With it die all tokens of the account at this client, not only the one named: so it is at
        Google, where an application that gives back one token loses its others, too.
        """
        row = self._store.one(
            "SELECT client_id, address FROM refresh_token WHERE token = ? AND revoked = 0"
            " UNION ALL SELECT client_id, address FROM access_token"
            " WHERE token = ? AND revoked = 0 AND expires_at > ?",
            (token, token, self._clock.now()),
        )
        if row is None:
            raise OAuthError(400, "invalid_token", "Token expired or revoked")
        self.withdraw(row["address"], row["client_id"])

    def withdraw(self, address: str | None, client_id: str | None) -> int:
        """Revoke every token of an account, of a client, or of both together.

        Returns how many refresh tokens died.
        """
        condition, values = _of(address, client_id)
        with self._store.transaction():
            dead = self._store.execute(
                f"UPDATE refresh_token SET revoked = 1 WHERE revoked = 0 AND {condition}",  # noqa: S608 constant text
                values,
            )
            self._store.execute(f"UPDATE access_token SET revoked = 1 WHERE {condition}", values)  # noqa: S608 constant text
            self._store.execute(f"DELETE FROM consent WHERE {condition}", values)  # noqa: S608 constant text
        return dead

    def expire_access(self, address: str | None, client_id: str | None) -> int:
        """Let live access tokens expire now; returns how many."""
        condition, values = _of(address, client_id)
        now = self._clock.now()
        return self._store.execute(
            f"UPDATE access_token SET expires_at = ? WHERE expires_at > ? AND {condition}",  # noqa: S608 constant text
            (now, now, *values),
        )

    def permission(self, token: str) -> Permission | None:
        """What the access token allows, or None when it is unknown, expired or revoked."""
        if not token.isascii():
            return None
        row = self._store.one("SELECT * FROM access_token WHERE token = ?", (token,))
        if row is None or row["revoked"] or row["expires_at"] <= self._clock.now():
            return None
        return Permission(row["address"], row["client_id"], frozenset(row["scope"].split()))

    def counts(self) -> dict[str, int]:
        """Live tokens of both kinds."""
        now = self._clock.now()
        refresh = self._store.one(
            "SELECT count(*) FROM refresh_token WHERE revoked = 0"
            " AND (expires_at IS NULL OR expires_at > ?)",
            (now,),
        )
        access = self._store.one(
            "SELECT count(*) FROM access_token WHERE revoked = 0 AND expires_at > ?", (now,)
        )
        return {"refresh_tokens": refresh[0], "access_tokens": access[0]}

    def _refreshable(self, client: Client, address: str, scope: str) -> dict[str, object]:
        token = f"1//0{secrets.token_urlsafe(60)}"
        expires_at = self._clock.now() + TESTING_LIFETIME if client.testing else None
        row_id = self._store.insert(
            "INSERT INTO refresh_token (token, client_id, address, scope, expires_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (token, client.client_id, address, scope, expires_at),
        )
        self._store.execute(
            "UPDATE refresh_token SET revoked = 1 WHERE id IN (SELECT id FROM refresh_token"
            " WHERE client_id = ? AND address = ? AND revoked = 0"
            " ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (client.client_id, address, MAX_REFRESH_TOKENS),
        )
        answer = self._access(client, address, scope, row_id)
        answer["refresh_token"] = token
        if client.testing:
            answer["refresh_token_expires_in"] = TESTING_LIFETIME
        return answer

    def _access(
        self, client: Client, address: str, scope: str, refresh_token_id: int | None
    ) -> dict[str, object]:
        token = f"ya29.{secrets.token_urlsafe(90)}"
        self._store.execute(
            "INSERT INTO access_token VALUES (?, ?, ?, ?, ?, ?, 0)",
            (
                token, client.client_id, address, refresh_token_id, scope,
                self._clock.now() + ACCESS_LIFETIME,
            ),
        )  # fmt: skip
        return {
            "access_token": token,
            "expires_in": ACCESS_LIFETIME,
            "scope": scope,
            "token_type": "Bearer",
        }


def unknown_scopes(scopes: Iterable[str]) -> list[str]:
    """Those that Google doesn't know."""
    return [scope for scope in scopes if scope not in SCOPES and scope not in IDENTITY_SCOPES]


def _of(address: str | None, client_id: str | None) -> tuple[str, tuple[str, ...]]:
    parts, values = ["1"], []
    if address is not None:
        parts.append("address = ?")
        values.append(address.lower())
    if client_id is not None:
        parts.append("client_id = ?")
        values.append(client_id)
    return " AND ".join(parts), tuple(values)


def _client(row: Any) -> Client:
    return Client(
        row["client_id"],
        tuple(json.loads(row["redirect_uris"])),
        bool(row["any_loopback"]),
        bool(row["testing"]),
    )
