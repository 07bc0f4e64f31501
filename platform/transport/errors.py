"""What can go wrong between us and a provider. No error here carries a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.utils import timezone

from transport import json_text


class TransportError(Exception):
    """A request did not bring a usable answer. The message is fit for a customer's eyes.

    It may quote the provider, so characters that no database column and no UTF-8 can hold are
    replaced: an error must always be storable.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(storable(message))


class AddressRefused(TransportError):
    """The address guard does not let a request go there."""


class ProviderUnreachable(TransportError):
    """No answer: refused, cut, timed out, TLS or DNS failure; retries have already happened."""


class ProxyFailed(ProviderUnreachable):
    """The operator's outgoing proxy was at fault, not the provider: nothing was sent to it."""


class MalformedAnswer(TransportError):
    """The provider answered 2xx with something that cannot be read."""


class UnitsUsedUp(TransportError):
    """The request was not sent: the provider's quota has no units left for it.

    `retry_after` is in seconds, until it has some again.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            "the provider's quota is used up for now: "
            f"there are units again in {max(1, round(retry_after))} s"
        )
        self.retry_after = retry_after


class GrantLost(TransportError):
    """The account's authorization is gone for good (OAuth 2 `invalid_grant`, RFC 6749 5.2).

    Only a person can mend it, by connecting the account again.
    """


class ProviderError(TransportError):
    """The provider answered with an error status.

    `provider_message` is the provider's own text in the form `error - {code=403, message=…}`;
    `retry_after` is in seconds, or None when the provider did not say.
    """

    def __init__(
        self,
        status: int,
        provider_message: str,
        *,
        reason: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"the provider answered {status}: {provider_message}")
        self.status = status
        self.provider_message = storable(provider_message)
        self.reason = reason
        self.retry_after = retry_after

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        message, reason = _describe(body)
        asked = asked_pause(headers)
        return cls(
            status,
            f"error - {{code={status}, message={message}}}",
            reason=reason,
            retry_after=_said(message, headers) if asked is None else asked,
        )

    @property
    def is_rate_limit(self) -> bool:
        """Whether the account or the project has used up its quota for now.

        Some providers say so by 403: Google with a reason, which
        https://developers.google.com/gmail/api/guides/handle-errors lists, others by when to come
        again.
        """
        if self.status == 403:
            return self.reason in RATE_LIMIT_REASONS or self.retry_after is not None
        return self.status == 429


RATE_LIMIT_REASONS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded"}
)
MAX_RETRY_AFTER = 86_400.0  # seconds
EPOCH_IN_SECONDS = 1_000_000_000  # no window is that long: a larger number is a date
RETRY_AFTER = re.compile(r"Retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)")
LONGEST_EXCERPT = 300  # characters of a provider's text that we repeat


def _describe(body: bytes) -> tuple[str, str]:
    """The human text and the machine reason in an error body, as far as it has them."""
    text = body[:4096].decode("utf-8", "replace")
    try:
        answer = json_text.parse(body)
        error = answer["error"]
    except KeyError:
        said = answer.get("message")
        return " ".join((said if isinstance(said, str) else text).split())[:LONGEST_EXCERPT], ""
    except (ValueError, TypeError):
        return " ".join(text.split())[:LONGEST_EXCERPT], ""
    if isinstance(error, str):  # the OAuth form, RFC 6749 section 5.2
        return error[:LONGEST_EXCERPT], error
    if not isinstance(error, dict):
        return " ".join(text.split())[:LONGEST_EXCERPT], ""
    details = error.get("errors")
    first = details[0] if isinstance(details, list) and details else {}
    reason = first.get("reason", "") if isinstance(first, dict) else ""
    return str(error.get("message", ""))[:LONGEST_EXCERPT], str(reason)


def _said(message: str, headers: Mapping[str, str]) -> float | None:
    """Seconds until the moment that Google names in words, as it does for a user's quota."""
    found = RETRY_AFTER.search(message)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found[1])
    except ValueError:
        return None
    return _seconds_until(at, headers)


def storable(text: str) -> str:
    """The text without NUL and halves of surrogate pairs, a replacement in their places."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def asked_pause(headers: Mapping[str, str]) -> float | None:
    """Seconds until the provider wants to be asked again; None when it doesn't say.

    Retry-After, or where the last request of a window is used up, when the next one begins.
    `headers` has lower-case names.
    """
    asked = retry_after_seconds(headers)
    if asked is None and headers.get("x-ratelimit-remaining", "").strip() == "0":
        return _seconds_to_reset(headers)
    return asked


def _seconds_to_reset(headers: Mapping[str, str]) -> float | None:
    """Reads X-RateLimit-Reset: seconds since 1970, as of GitHub, or seconds from now.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
    """
    value = headers.get("x-ratelimit-reset", "").strip()
    if not (value.isascii() and value.isdecimal() and len(value) < 12):
        return None
    reset = float(value)
    if reset < EPOCH_IN_SECONDS:
        return min(reset, MAX_RETRY_AFTER)
    return _seconds_until(datetime.fromtimestamp(reset, UTC), headers)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read the Retry-After header of an answer, RFC 9110 section 10.2.3: seconds or an HTTP date.

    `headers` takes lower-case names. Returns at most MAX_RETRY_AFTER seconds, and None where there
    is no such header or nobody can read it.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return min(float(value), MAX_RETRY_AFTER)
    at = _http_date(value)
    return None if at is None else _seconds_until(at, headers)


def _seconds_until(at: datetime, headers: Mapping[str, str]) -> float:
    """Seconds from the answer's own date, where it has one: its sender's clock says both."""
    now = _http_date(headers.get("date", "")) or timezone.now()
    return min(max(0.0, (at - now).total_seconds()), MAX_RETRY_AFTER)


def _http_date(value: str) -> datetime | None:
    """None for what is no date, or one beyond any calendar."""
    try:
        at = parsedate_to_datetime(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at
    except (ValueError, OverflowError):
        return None
