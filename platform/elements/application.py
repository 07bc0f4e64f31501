"""The platform's own application at a provider, for callers who have none of their own.

Rule 1: it serves the built-in elements only. A private one says itself where codes and secrets are
sent; its owner would read our secret there.
Rule 2: the secret leaves for the provider's token address and nowhere else: no answer, no log and
no instance holds it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from django.conf import settings

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
    client_id, client_secret = (_value(f"{prefix}_CLIENT_{part}") for part in ("ID", "SECRET"))
    if not client_id or not client_secret:
        return None
    return Application(client_id, client_secret, _value(f"{prefix}_CALLBACK_URL"))


def _value(name: str) -> str:
    return str(getattr(settings, name, None) or os.environ.get(name) or "").strip()
