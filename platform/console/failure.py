"""What the API or a provider refused, as a sentence for people."""

from __future__ import annotations

from api.errors import ApiError
from console.members import WRONG
from elements.types import Element
from transport.errors import GrantLost, ProviderError, TransportError

FAILED = (*WRONG, TransportError)


def sentence_of(error: Exception, element: Element) -> str:
    if isinstance(error, ProviderError):
        return f"{element.name} refused it ({error.status}): {error.provider_message}"
    if isinstance(error, TransportError) and not isinstance(error, GrantLost):
        return f"{element.name} was asked, and that failed: {error}"
    if isinstance(error, ApiError) and error.provider_message:
        return f"{error.message} ({element.name} says: {error.provider_message})"
    return str(error)
