"""Requests a second of the API, beside a REST framework view that does nothing.

Both are served by the same process and answer some two kilobytes. `GET /instances/{id}` looks up
two secrets and the instance; `POST /instances` has the sandbox renew a token, and stores the
account. Slices of the two take turns.
"""

from __future__ import annotations

import json
from statistics import median
from typing import Any

from benchmarks import database
from benchmarks.bare_loop import BareRequest, Speed, measure
from benchmarks.web import web_server
from integrations.gmail.sandbox.server import SandboxServer

IN_FLIGHT = 8  # as many of one organization as may wait for a provider
SLICES, QUICK_SLICES = 9, 3
CALLS, QUICK_CALLS = 2_000, 200
CREATED, QUICK_CREATED = 200, 20


def run(*, quick: bool) -> dict[str, float]:
    slices = QUICK_SLICES if quick else SLICES
    calls = QUICK_CALLS if quick else CALLS
    created = QUICK_CREATED if quick else CREATED
    database.fresh("api_requests")
    headers = _caller()
    with SandboxServer() as sandbox, web_server(**_provider(sandbox.url)) as api:
        wanted = json.dumps(_wanted(sandbox)).encode()
        instances = f"{api}/instances"
        bodies = {**headers, "Content-Type": "application/json"}
        instance = f"{instances}/{_first(instances, bodies, wanted)}"
        reads, writes = [], []
        for _ in range(slices):
            bare = _slice("GET", f"{api}/bare", calls, headers)
            reads.append((bare, _slice("GET", instance, calls, headers)))
            bare = _slice("POST", f"{api}/bare", calls, bodies, wanted)
            writes.append((bare, _slice("POST", instances, created, bodies, wanted)))
    database.drop("api_requests")
    return {
        "get_instance_ratio": _ratio(reads),
        "get_instance_per_s": median(ours.per_second for _, ours in reads),
        "get_bare_view_per_s": median(bare.per_second for bare, _ in reads),
        "post_instance_ratio": _ratio(writes),
        "post_instance_per_s": median(ours.per_second for _, ours in writes),
        "post_bare_view_per_s": median(bare.per_second for bare, _ in writes),
    }


def _ratio(slices: list[tuple[Speed, Speed]]) -> float:
    return median(ours.per_second / bare.per_second for bare, ours in slices)


def _slice(
    method: str, url: str, calls: int, headers: dict[str, str], body: bytes | None = None
) -> Speed:
    request = BareRequest(method, url, headers, body)
    return measure(request, calls=calls, in_flight=IN_FLIGHT)


def _caller() -> dict[str, str]:
    from accounts.provision import create_organization

    new = create_organization("Bench", "bench@example.com")
    pairs = f"User {new.user_secret}, Organization {new.organization_secret}"
    return {"Authorization": pairs}


def _provider(url: str) -> dict[str, str]:
    return {
        "GMAIL_API_BASE_URL": url,
        "GOOGLE_AUTHORIZATION_URL": f"{url}/o/oauth2/v2/auth",
        "GOOGLE_TOKEN_URL": f"{url}/token",
        "GOOGLE_REVOKE_URL": f"{url}/revoke",
    }


def _wanted(sandbox: SandboxServer) -> dict[str, Any]:
    tokens = sandbox.control.sign_in()
    return {
        "name": "Mailbox",
        "element": {"key": "gmail"},
        "externalAuthentication": "initial",
        "configuration": {
            "oauth.api.key": "sandbox-client",
            "oauth.api.secret": "sandbox-secret",
            "oauth.user.token": tokens["access_token"],
            "oauth.user.refresh_token": tokens["refresh_token"],
        },
    }


def _first(url: str, headers: dict[str, str], body: bytes) -> int:
    import requests

    answer = requests.post(url, data=body, headers=headers, timeout=30)
    if answer.status_code != 200:
        raise RuntimeError(f"POST /instances answered {answer.status_code}: {answer.text[:300]}")
    number: int = answer.json()["id"]
    return number
