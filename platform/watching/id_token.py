"""Whether what comes with a bearer token comes from whom the operator has named.

Rule 1: no token, no entry; and none without an audience and a sender to compare it with.
Rule 2: only RS256, only by a key of the provider's that its own address shows: what the token says
of itself chooses among those keys, and nothing else.
"""

from __future__ import annotations

from typing import Any

import jwt
import structlog
from django.utils import timezone

from api.errors import ApiError, Forbidden, Unauthorized
from elements import catalogue
from elements.built_in import operators
from elements.webhooks import IdToken
from watching.public_keys import KeysUnknownError, public_keys

ALGORITHM = "RS256"
LEEWAY = 30  # seconds that clocks may differ
LONGEST_TOKEN = 8_192  # characters
REQUIRED = ["iss", "aud", "exp", "iat", "email", "email_verified"]

log = structlog.get_logger(__name__)


def require(wanted: IdToken, authorization: str) -> None:
    """Checks the Authorization header of a request.

    Raises Unauthorized for a token that is missing or no good, Forbidden for one of somebody else
    or where nobody is named, and ApiError 503 while the keys cannot be had.
    """
    audience, emails = operators(wanted.audience), _listed(operators(wanted.emails))
    if not audience or not emails:
        raise Forbidden(
            f"nothing is received here: {wanted.audience} and {wanted.emails} are not set"
        )
    claims = _claims(wanted, _bearer(authorization), audience)
    email = claims["email"]
    if not isinstance(email, str) or email.lower() not in emails:
        raise _refused(Forbidden("the token's email is not a sender that is let in"))
    if claims["email_verified"] is not True:
        raise _refused(Forbidden("the token's email is not verified"))


def _listed(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(",") if part.strip()}


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise _refused(Unauthorized("the bearer token is missing"))
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise _refused(Unauthorized("the bearer token cannot be read"))
    return token


def _claims(wanted: IdToken, token: str, audience: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise _refused(Unauthorized("the bearer token cannot be read")) from error
    key_id = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
        raise _refused(Unauthorized(f"the bearer token must be signed by {ALGORITHM}, with a kid"))
    try:
        key = public_keys(catalogue.address(wanted.keys)).find(key_id)
    except KeysUnknownError as error:
        raise ApiError(503, f"{error}: try again later") from error
    if key is None:
        raise _refused(Unauthorized("the bearer token is signed with an unknown key"))
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=list(wanted.issuers),
            leeway=LEEWAY,
            options={
                "require": REQUIRED,
                "strict_aud": True,
                # By this host's clock, which may be wrong: `_check_times` stands in.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        _check_times(claims)
    except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
        raise _refused(Forbidden(f"the bearer token is not for here: {error}")) from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise _refused(Unauthorized(f"the bearer token is no good: {error}"[:300])) from error
    return claims


def _check_times(claims: dict[str, Any]) -> None:
    """Check the claims of RFC 7519 sections 4.1.4 to 4.1.6, which are in seconds since 1970.

    Raises PyJWT's errors, and those of int() for what is no number.
    """
    now = timezone.now().timestamp()
    if int(claims["exp"]) <= now - LEEWAY:
        raise jwt.ExpiredSignatureError("it has expired")
    for name in ("iat", "nbf"):
        if name in claims and int(claims[name]) > now + LEEWAY:
            raise jwt.ImmatureSignatureError(f"it is not valid yet ({name})")


def _refused(refusal: ApiError) -> ApiError:
    log.warning("notice refused", reason=refusal.message)
    return refusal
