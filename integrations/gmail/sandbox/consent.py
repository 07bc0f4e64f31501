"""The authorization endpoint: the request is checked, the user asked, the answer redirected.

Source: https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import web

from integrations.sandbox.proof_key import Challenge

from . import pages
from .contents import NoSuchMailboxError
from .grants import IDENTITY_SCOPES, SCOPES, Client, unknown_scopes
from .stand_in import STAND_IN, StandIn

PATH = "/o/oauth2/v2/auth"
MAX_STATE = 4096  # characters

_PROMPTS = frozenset({"none", "consent", "select_account"})
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class BlockedError(Exception):
    """The request is shown to the user as wrong; nobody is sent back to the application."""

    def __init__(self, status: int, error: str, explanation: str) -> None:
        self.status = status
        self.error = error
        self.explanation = explanation
        super().__init__(f"Error {status}: {error}: {explanation}")


@dataclass(frozen=True)
class Asked:
    """An authorization request that is in order."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    offline: bool
    prompts: frozenset[str]
    challenge: Challenge | None
    login_hint: str | None
    incremental: bool


def routes() -> list[web.RouteDef]:
    """The page, and the form on it."""
    return [web.get(PATH, _ask, allow_head=False), web.post(PATH, _decide)]


def read(stand_in: StandIn, query: Mapping[str, str]) -> Asked:
    """Check an authorization request as Google does. Raises BlockedError."""
    client_id = _required(query, "client_id")
    client = stand_in.grants.client(client_id)
    if client is None:
        raise BlockedError(401, "invalid_client", "The OAuth client was not found.")
    redirect_uri = _required(query, "redirect_uri")
    if not client.accepts(redirect_uri):
        raise BlockedError(
            400,
            "redirect_uri_mismatch",
            f"The redirect URI {redirect_uri} is not registered for this client.",
        )
    if _required(query, "response_type") != "code":
        raise BlockedError(400, "unsupported_response_type", "response_type must be code.")
    scopes = tuple(dict.fromkeys(_required(query, "scope").split()))
    unknown = unknown_scopes(scopes)
    if unknown or not scopes:
        raise BlockedError(400, "invalid_scope", f"Some requested scopes were invalid: {unknown}")
    access = query.get("access_type", "online")
    if access not in ("online", "offline"):
        raise BlockedError(400, "invalid_request", "access_type must be online or offline.")
    prompts = frozenset(query.get("prompt", "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise BlockedError(
            400, "invalid_request", "prompt must be none, or of consent and select_account."
        )
    state = query.get("state")
    if state is not None and len(state) > MAX_STATE:
        raise BlockedError(400, "invalid_request", f"state is longer than {MAX_STATE} characters.")
    incremental = query.get("include_granted_scopes", "false")
    if incremental not in ("true", "false"):
        raise BlockedError(400, "invalid_request", "include_granted_scopes must be true or false.")
    return Asked(
        client,
        redirect_uri,
        scopes,
        state,
        access == "offline",
        prompts,
        _challenge(query),
        query.get("login_hint"),
        incremental == "true",
    )


def allow(stand_in: StandIn, asked: Asked, address: str, scopes: Sequence[str]) -> str:
    """The user grants these of the asked scopes; returns where to send the browser.

    Raises contents.NoSuchMailboxError.
    """
    address = stand_in.mailboxes.open(address).address
    granted = [s for s in asked.scopes if s in scopes or s in IDENTITY_SCOPES]
    if not granted:
        return deny(asked)
    code = stand_in.grants.consent(
        asked.client,
        address,
        granted,
        asked.redirect_uri,
        asked.challenge,
        offline=asked.offline,
        prompted="consent" in asked.prompts,
        incremental=asked.incremental,
    )
    return _redirect(asked, {"code": code, "scope": " ".join(granted), "authuser": "0",
                             "prompt": "consent"})  # fmt: skip


def deny(asked: Asked, error: str = "access_denied") -> str:
    """The user refuses; returns where to send the browser."""
    return _redirect(asked, {"error": error})


async def _ask(request: web.Request) -> web.Response:
    stand_in = request.app[STAND_IN]
    try:
        asked = read(stand_in, request.query)
    except BlockedError as error:
        return _blocked(error)
    if "none" in asked.prompts:
        return _found(deny(asked, "interaction_required"))
    accounts = stand_in.mailboxes.addresses()
    hint = (asked.login_hint or "").lower()
    chosen = hint if hint in accounts else accounts[0] if len(accounts) == 1 else None
    html = pages.consent(
        asked.client.client_id,
        urlsplit(asked.redirect_uri).netloc or asked.redirect_uri,
        request.raw_path,
        accounts,
        chosen,
        {scope: SCOPES[scope] for scope in asked.scopes if scope in SCOPES},
        [scope for scope in asked.scopes if scope in IDENTITY_SCOPES],
    )
    return _html(html)


async def _decide(request: web.Request) -> web.Response:
    stand_in = request.app[STAND_IN]
    try:
        asked = read(stand_in, request.query)
        form = await request.post()
        if form.get("decision") == "deny":
            return _found(deny(asked))
        if form.get("decision") != "allow":
            raise BlockedError(400, "invalid_request", "decision must be allow or deny.")
        scopes = [str(value) for value in form.getall("scope", [])]
        location = allow(stand_in, asked, str(form.get("account", "")), scopes)
    except NoSuchMailboxError:
        return _blocked(BlockedError(400, "invalid_request", "There is no such account."))
    except BlockedError as error:
        return _blocked(error)
    return _found(location)


def _required(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise BlockedError(400, "invalid_request", f"Missing required parameter: {name}")
    return value


def _challenge(query: Mapping[str, str]) -> Challenge | None:
    value = query.get("code_challenge")
    method = query.get("code_challenge_method", "plain")
    if value is None:
        if "code_challenge_method" in query:
            raise BlockedError(400, "invalid_request", "Missing required parameter: code_challenge")
        return None
    if method not in ("S256", "plain"):
        raise BlockedError(400, "invalid_request", "code_challenge_method must be S256 or plain.")
    if not _CHALLENGE.fullmatch(value):
        raise BlockedError(
            400, "invalid_request", "code_challenge must be 43 to 128 unreserved characters."
        )
    return Challenge(value, method)


def _redirect(asked: Asked, answer: Mapping[str, str]) -> str:
    state = {} if asked.state is None else {"state": asked.state}
    parts = urlsplit(asked.redirect_uri)
    kept = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([*kept, *state.items(), *answer.items()])
    return urlunsplit(parts._replace(query=query))


def _found(location: str) -> web.Response:
    """A redirect whose location is left as it is, letter by letter."""
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _blocked(error: BlockedError) -> web.Response:
    return _html(pages.blocked(error.status, error.error, error.explanation), error.status)


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")
