"""The platform's own application at a provider, for callers who have none of their own.

Rule 1: it serves the built-in elements only. A private one says itself where codes and secrets are
sent; its owner would read our secret there.
Rule 2: the secret leaves for the provider's token address and nowhere else: no answer, no log and
no instance holds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from elements.built_in import operators
from elements.types import Element, OAuth2


@dataclass(frozen=True, slots=True)
class Application:
    client_id: str
    client_secret: str = field(repr=False)
    callback_url: str = ""  # empty where the operator named none


def application_of(element: Element) -> Application | None:
    """The one that the operator registered: GMAIL_CLIENT_ID, _CLIENT_SECRET, _CALLBACK_URL."""
    if element.private or not isinstance(element.authentication, OAuth2):
        return None
    prefix = element.key.upper().replace("-", "_")
    client_id, client_secret = (operators(f"{prefix}_CLIENT_{part}") for part in ("ID", "SECRET"))
    if not client_id or not client_secret:
        return None
    return Application(client_id, client_secret, operators(f"{prefix}_CALLBACK_URL"))
