"""Reads the Authorization header: comma-separated `<Scheme> <secret>` pairs.

Schemes are User, Organization and Element (Token is another name of it), in any case and order,
with any blanks around commas and between scheme and secret. Other schemes are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMES = {
    "user": "user",
    "organization": "organization",
    "element": "element",
    "token": "element",
}


class MalformedAuthorization(ValueError):
    """A pair without a secret, or two pairs of one scheme."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The secrets that a header brought; None for a scheme that it did not name."""

    user: str | None = None
    organization: str | None = None
    element: str | None = None


def parse(header: str) -> Pairs:
    """Raises MalformedAuthorization. A secret may hold `+`, `/` and `=`, but no blank or comma."""
    found: dict[str, str] = {}
    for pair in header.split(","):
        words = pair.split(None, 1)
        scheme = SCHEMES.get(words[0].lower()) if words else None
        if scheme is None:
            continue
        if len(words) < 2:
            raise MalformedAuthorization(f"{words[0]} has no secret")
        if scheme in found:
            raise MalformedAuthorization(f"{words[0]} is given twice")
        found[scheme] = words[1].strip()
    return Pairs(**found)
