"""What can go wrong between us and a provider. No error here carries a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.utils import timezone

from transport import error_body

NO_ROOM_FOR = 5.0  # seconds until an answer that found no room is asked for again


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


class AnswerTooLarge(MalformedAnswer):
    """The answer has more bytes than are read of it; asked for again, it will have, too."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is larger than {limit} bytes")


class NotNow(TransportError):
    """Nothing was asked, or nothing was read of the answer, by no fault of the provider's.

    `retry_after` is in seconds, until it can be tried again.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnitsUsedUp(NotNow):
    """The request was not sent: the provider's quota has no units left for it."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            "the provider's quota is used up for now: "
            f"there are units again in {max(1, round(retry_after))} s",
            retry_after,
        )


class NoRoom(NotNow):
    """The answer was not read: this process holds as many bytes of answers as it may."""

    def __init__(self) -> None:
        super().__init__("too many large answers are being read at once", NO_ROOM_FOR)


class GrantLost(TransportError):
    """The account's authorization is gone for good (OAuth 2 `invalid_grant`, RFC 6749 5.2).

    Only a person can mend it, by connecting the account again.
    """


class ProviderError(TransportError):
    """The provider answered with an error status.

    `provider_message` is the provider's own text in the form `error - {code=403, message=…}`;
    `retry_after` is in seconds, or None when the provider did not say. `limited`: its body speaks
    of a limit.
    """

    def __init__(
        self,
        status: int,
        provider_message: str,
        *,
        reason: str = "",
        retry_after: float | None = None,
        limited: bool = False,
    ) -> None:
        super().__init__(f"the provider answered {status}: {provider_message}")
        self.status = status
        self.provider_message = storable(provider_message)
        self.reason = storable(reason)
        self.retry_after = retry_after
        self.limited = limited

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        said = error_body.read(body)
        return cls(
            status,
            f"error - {{code={status}, message={said.message}}}",
            reason=said.reason,
            retry_after=_first(
                asked_pause(headers), _until_named(said.message, headers), said.pause
            ),
            limited=said.is_limit,
        )

    @property
    def is_rate_limit(self) -> bool:
        """Whether the account or the project has used up its quota for now.

        Some providers say so by 400 or 403, with a code or words of it (error_body); by 403 also
        with when to come again.
        """
        if self.status == 400:
            return self.limited or error_body.is_limit(self.reason)
        if self.status == 403:
            return self.limited or self.retry_after is not None or error_body.is_limit(self.reason)
        return self.status == 429


MAX_RETRY_AFTER = 86_400.0  # seconds
EPOCH_IN_SECONDS = 1_000_000_000  # no window is that long: a larger number is a date
RETRY_AFTER = re.compile(r"Retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)")


def _first(*pauses: float | None) -> float | None:
    """The first that is known, at most MAX_RETRY_AFTER."""
    return next((min(one, MAX_RETRY_AFTER) for one in pauses if one is not None), None)


def _until_named(message: str, headers: Mapping[str, str]) -> float | None:
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


_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_BEYOND_ANY_CALENDAR = re.compile(r"[A-Za-z]{3,9}, [0-9]{1,2} [A-Za-z]{3} [0-9]{5,} .*")


def wished_pause(error: BaseException | None) -> float | None:
    """Return in how many seconds it may be tried again, where the error says so."""
    return error.retry_after if isinstance(error, ProviderError | NotNow) else None


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read the Retry-After header of an answer, RFC 9110 section 10.2.3: seconds or an HTTP date.

    `headers` takes lower-case names. Returns at most MAX_RETRY_AFTER seconds, and None where there
    is no such header or nobody can read it. Takes fractions of seconds, and years of five digits.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), MAX_RETRY_AFTER)
    if _BEYOND_ANY_CALENDAR.fullmatch(value):
        return MAX_RETRY_AFTER
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
