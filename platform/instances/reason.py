"""Why an account needs a person: codes for programs, sentences for people. Pure.

Providers say little. Google answers `invalid_grant` to all of it, so what cannot be told apart has
one code: "revoked" is also what a changed password looks like there
(https://developers.google.com/identity/protocols/oauth2#expiration).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from transport.error_body import is_limit
from transport.errors import ProviderError, TransportError

UNUSED_FOR = timedelta(days=180)  # Google drops a refresh token that nobody used for six months
CLOCKS_APART = timedelta(minutes=5)  # a provider's clock and ours


class Reason(StrEnum):
    """`reasonCode` of an instance and of what is told about it."""

    # The grant is lost.
    REVOKED = "revoked"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a code
    EXPIRED = "expired"
    UNUSED = "unused"
    SIGN_IN_REQUIRED = "sign-in-required"
    NO_REFRESH_TOKEN = "no-refresh-token"  # noqa: S105 - a code
    ENDED = "ended"
    # It is there, and something is wrong all the same.
    RENEWAL_REFUSED = "renewal-refused"
    EXPIRING = "expiring"
    SCOPE_MISSING = "scope-missing"
    POLLING_STALLED = "polling-stalled"
    NOTHING_POLLED = "nothing-polled"
    NO_CALLBACK_URL = "no-callback-url"
    SECRETS_UNREADABLE = "secrets-unreadable"
    # Of `statusReasons` alone.
    DISABLED = "disabled"
    POLLING_OFF = "polling-off"
    POLLING_FAILING = "polling-failing"
    DELIVERY_OFF = "delivery-off"
    DELIVERY_FAILING = "delivery-failing"


# Codes of refusals that pass, or that say more of the grant (RFC 6749 section 5.2, RFC 8628, and
# those of servers in trouble).
PASSING = frozenset(
    {"invalid_grant", "temporarily_unavailable", "server_error", "slow_down", "internal_failure"}
)
PASSING_STATUS = frozenset({408, 425, 429})

SIGN_IN = ("interaction", "login", "consent")  # OpenID Connect Core section 3.1.2.6

MEANING = {
    Reason.REVOKED: "The account's owner, or an administrator, has taken the access away, or the "
    "account's password was changed.",
    Reason.PASSWORD_CHANGED: "The account's password was changed.",
    Reason.EXPIRED: "The provider had granted the access for a limited time, as Google does for "
    "applications whose publishing status is Testing (seven days).",
    Reason.UNUSED: "The access was not used for six months.",
    Reason.SIGN_IN_REQUIRED: "The account's organization asks its people to sign in again.",
    Reason.NO_REFRESH_TOKEN: "",
    Reason.ENDED: "The provider does not say why.",
}


def of_loss(said: str, *, ends_at: datetime | None, used_at: datetime | None, now: datetime) -> str:
    """The code of a grant that the provider ended with `said`.

    `ends_at` is when the grant was to end as the provider had told us, `used_at` when it was last
    renewed.
    """
    words = said.lower()
    if ends_at is not None and now >= ends_at - CLOCKS_APART:
        return Reason.EXPIRED
    if "password" in words:
        return Reason.PASSWORD_CHANGED
    if "rapt" in words or any(f"{one}_required" in words for one in SIGN_IN):
        return Reason.SIGN_IN_REQUIRED
    if used_at is not None and now - used_at >= UNUSED_FOR:
        return Reason.UNUSED
    if "revoked" in words:
        return Reason.REVOKED
    if "expired" in words:
        return Reason.EXPIRED
    return Reason.ENDED


def lasting_refusal(failure: TransportError | None) -> str:
    """Return the token endpoint's code where it refuses for a reason that does not pass by itself.

    As `invalid_client`: the application at the provider is gone, or its secret was changed. Empty
    for any other failure.
    """
    if not isinstance(failure, ProviderError) or not 400 <= failure.status < 500:
        return ""
    if failure.status in PASSING_STATUS or failure.is_rate_limit or failure.retry_after is not None:
        return ""
    passes = failure.reason in PASSING or is_limit(failure.reason)
    return "" if passes else failure.reason[:100]


def refused(said: str) -> str:
    """Return a sentence for a person about renewals that the provider refuses with `said`."""
    return (
        f"The access token is not renewed: {said}. The API key and API secret must be those of an "
        "application that the provider accepts. It is asked again every half an hour."
    )
