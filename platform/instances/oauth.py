"""A person's trip to a provider's consent page and back (RFC 6749 section 4.1, RFC 7636).

Rule 1: a `state` is good for one callback, for ten minutes, for the user and the browser session
that began the trip. Which of these it failed is said.
Rule 2: what the person had filled in outlives a failed trip, sealed, so that the next try does
not begin with an empty form.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.core import signing
from django.utils import timezone

from accounts.models import Organization, User
from accounts.reach import reach_of
from accounts.secret import digest
from api.errors import ApiError, BadRequest, NotFound
from elements.authorization import authorization_url, oauth2_of
from elements.errors import ConfigurationError, ElementNotFound
from elements.interpolation import addressed
from elements.types import Element
from encryption.fields import opens
from instances import account, provision, reconnect_link, scopes, wish
from instances import configuration as keys
from instances.models import ElementInstance, OAuthState
from transport.errors import ProviderError, TransportError

LIFETIME = timedelta(minutes=10)
KEPT_FOR = timedelta(days=1)  # what was filled in, for another try
TRIPS_A_SESSION = 20
LONGEST_STATE = 500  # characters
SESSION_KEY = "oauth_trips"
SALT = "instances.oauth.state"


class TripFault(StrEnum):
    """Why a trip ended without an instance: what a page can say to do about it."""

    REFUSED = "refused"  # by the person, on the provider's page
    PROVIDER = "provider"  # an error of the provider's own
    NO_ANSWER = "no-answer"  # the provider was asked, and there is none that can be used
    CLIENT = "client"  # API key and secret are not accepted
    REDIRECT_URI = "redirect-uri"
    SPENT_CODE = "spent-code"
    EXPIRED = "expired"
    USED = "used"
    UNKNOWN = "unknown"  # a state that this site did not issue, or has forgotten
    OTHER_SESSION = "other-session"
    DETAILS = "details"  # of what was filled in
    OTHER_ACCOUNT = "other-account"  # than the one that is to be connected again
    GONE = "gone"  # the instance that was to be connected again


# By the error codes of a token endpoint (RFC 6749 section 5.2, and Google's own).
FAULTS = {
    "invalid_client": TripFault.CLIENT,
    "unauthorized_client": TripFault.CLIENT,
    "redirect_uri_mismatch": TripFault.REDIRECT_URI,
    "invalid_grant": TripFault.SPENT_CODE,
}


class TripError(Exception):
    """The trip ended without an instance. The message says which step.

    `trip` is where another try can begin, None when what was filled in is not known.
    """

    def __init__(self, message: str, fault: TripFault, *, trip: OAuthState | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.trip = trip


@dataclass(frozen=True, slots=True)
class Request:
    """What a trip is made for: a new instance of this body, or `instance_id` connected again.

    `callback_url` is where the provider sends the person back to. `link` is the token of the link
    that the trip began with (instances.reconnect_link): nobody needs to have signed in.
    `other_account`: the instance may be connected to another account than before.
    """

    callback_url: str
    body: Mapping[str, Any] = field(default_factory=dict)
    instance_id: int | None = None
    link: str = ""
    other_account: bool = False

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Request:
        return cls(**json.loads(text))


def begin(user: User, session: SessionBase, request: Request) -> str:
    """Checks what can be checked and returns the URL of the consent page.

    Raises ApiError, elements.errors.ConfigurationError or ElementNotFound as POST /instances does.
    """
    element, configuration = _checked(user, request)
    return _begin(user, session, request, element, configuration)


def begin_by_link(session: SessionBase, token: str, callback_url: str) -> str:
    """As `begin`, for whoever has the link. Raises LinkError, too."""
    link = reconnect_link.find(token, timezone.now())
    owner = link.instance.user
    request = Request(callback_url, instance_id=link.instance_id, link=token)
    element, configuration = _checked_again(link.instance)
    credential = getattr(link.instance, "credential", None)
    known = credential is not None and opens(credential, "identity")
    hint = credential.identity if credential is not None and known else None
    return _begin(owner, session, request, element, configuration, login_hint=hint or "")


def _begin(
    user: User,
    session: SessionBase,
    request: Request,
    element: Element,
    configuration: Mapping[str, str],
    *,
    login_hint: str = "",
) -> str:
    state = secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48)
    now = timezone.now()
    _forget_old(now)
    trip = OAuthState(
        digest=digest(state),
        user=user,
        request=request.to_text(),
        code_verifier=verifier,
        expires_at=now + LIFETIME,
    )
    trip.save()
    _remember(session, trip)
    values = keys.completed(element, configuration)
    return authorization_url(
        addressed(element, values),
        values.get(keys.API_KEY, "").strip(),
        request.callback_url,
        scopes=scopes.asked(element, configuration),
        state=signing.dumps(state, salt=SALT, compress=False),
        code_challenge=_challenge(verifier) if oauth2_of(element).pkce else None,
        login_hint=login_hint,
    )


def finish(user: User, session: SessionBase, query: Mapping[str, str]) -> ElementInstance:
    """The instance that the provider's redirect leads to. Raises TripError."""
    trip = _claimed(user, session, query.get("state", ""))
    return _finish(user, trip, query)


def token_of(session: SessionBase, state: str) -> str:
    """The token of the link that a trip of this session began with; empty for another trip."""
    try:
        secret = signing.loads(state[:LONGEST_STATE], salt=SALT)
    except signing.BadSignature:
        return ""
    own = OAuthState.objects.filter(pk__in=session.get(SESSION_KEY, []))
    trip = _opened(own.filter(digest=digest(str(secret))).first())
    return Request.from_text(trip.request).link if trip is not None else ""


def finish_by_link(session: SessionBase, query: Mapping[str, str]) -> ElementInstance:
    """As `finish`, for a trip that began with a link. Raises TripError, LinkError and
    account.OtherAccount."""
    trip = _claimed(None, session, query.get("state", ""))
    return _finish(trip.user, trip, query)


def _finish(user: User, trip: OAuthState, query: Mapping[str, str]) -> ElementInstance:
    if refusal := query.get("error", ""):
        if refusal == "access_denied":
            said = "The access was refused on the provider's page."
            raise TripError(said, TripFault.REFUSED, trip=trip)
        said = f"The provider sent the error {refusal[:100]!r}"
        if explained := query.get("error_description", "")[:500]:
            said = f"{said}: {explained}"
        raise TripError(f"{said}.", TripFault.PROVIDER, trip=trip)
    code = query.get("code", "")
    if not code or len(code) > wish.LONGEST_CODE:
        raise TripError("The provider sent no code.", TripFault.PROVIDER, trip=trip)
    request = Request.from_text(trip.request)
    try:
        return _provision(user, request, code, trip.code_verifier)
    except account.OtherAccount as error:
        if request.link:
            raise
        said = "Another account was chosen on the provider's page than the one that is connected."
        raise TripError(said, TripFault.OTHER_ACCOUNT, trip=trip) from error
    except account.AccountNotKnown as error:
        said = f"{str(error)[:1].upper()}{str(error)[1:]}."
        raise TripError(said, TripFault.NO_ANSWER, trip=trip) from error
    except NotFound as error:
        raise TripError("The instance was deleted meanwhile.", TripFault.GONE) from error
    except (ApiError, ConfigurationError, ElementNotFound) as error:
        raise TripError(str(error), _fault_of(error.__cause__), trip=trip) from error
    except TransportError as error:
        said = f"The provider did not exchange the code: {error}."
        raise TripError(said, TripFault.NO_ANSWER, trip=trip) from error


def _fault_of(cause: BaseException | None) -> TripFault:
    """What a refusal of the provider's is about; without one it is what was filled in."""
    reason = cause.reason if isinstance(cause, ProviderError) else ""
    return FAULTS.get(reason, TripFault.DETAILS)


def kept(user: User, session: SessionBase, trip_id: int) -> Request | None:
    """What was filled in for an earlier trip of this user and session."""
    if trip_id not in session.get(SESSION_KEY, []):
        return None
    trip = _opened(OAuthState.objects.filter(pk=trip_id, user=user).first())
    return Request.from_text(trip.request) if trip else None


def unfinished(user: User, session: SessionBase, element_key: str) -> OAuthState | None:
    """The latest trip of this session, if it led to the element's provider and nobody came back."""
    began = timezone.now() - KEPT_FOR
    own = OAuthState.objects.filter(pk__in=session.get(SESSION_KEY, []), user=user)
    latest = _opened(own.filter(created_at__gt=began).order_by("-pk").first())
    if latest is None or latest.used_at is not None:
        return None
    wanted = Request.from_text(latest.request)
    named = wanted.body.get("element")
    is_meant = isinstance(named, dict) and named.get("key") == element_key
    return latest if is_meant and wanted.instance_id is None else None


def put_aside(user: User, session: SessionBase, request: Request) -> OAuthState:
    """Keeps what was filled in and could not be used, as of a trip that has failed already."""
    now = timezone.now()
    _forget_old(now)
    trip = OAuthState(
        digest=digest(secrets.token_urlsafe(24)),
        user=user,
        request=request.to_text(),
        code_verifier="",
        expires_at=now,
        used_at=now,
    )
    trip.save()
    _remember(session, trip)
    return trip


def _opened(trip: OAuthState | None) -> OAuthState | None:
    """None for one that cannot be opened either: nobody can go on with it."""
    return trip if trip is None or opens(trip, "request", "code_verifier") else None


def _forget_old(now: datetime) -> None:
    OAuthState.objects.filter(expires_at__lt=now - KEPT_FOR).delete()


def _remember(session: SessionBase, trip: OAuthState) -> None:
    session[SESSION_KEY] = [*session.get(SESSION_KEY, []), trip.pk][-TRIPS_A_SESSION:]


def _checked(user: User, request: Request) -> tuple[Element, dict[str, str]]:
    if request.instance_id is not None:
        own = reach_of(user, _organization(user))
        return _checked_again(provision.find(own, request.instance_id))
    element = wish.element_of(reach_of(user, _organization(user)), request.body, None)
    configuration = keys.merged(element, {}, wish.to_create(request.body).configuration or {})
    _require_whole(element, configuration)
    return element, configuration


def _checked_again(instance: ElementInstance) -> tuple[Element, dict[str, str]]:
    element = keys.element_of(instance)
    configuration = keys.stored(instance)
    _require_whole(element, configuration)
    return element, configuration


def _require_whole(element: Element, configuration: Mapping[str, str]) -> None:
    # The trip has a callback URL of its own.
    keys.require(keys.missing_keys(element, configuration, without_callback=True))
    keys.derive(element, configuration)


def _claimed(user: User | None, session: SessionBase, state: str) -> OAuthState:
    """The trip that `state` stands for, used up by this. Without a user: one that a link began."""
    try:
        secret = signing.loads(state[:LONGEST_STATE], salt=SALT)
    except signing.BadSignature as error:
        said = "The state is unknown: this site did not issue it."
        raise TripError(said, TripFault.UNKNOWN) from error
    trip = _opened(OAuthState.objects.filter(digest=digest(str(secret))).first())
    if trip is None:
        raise TripError("The state is unknown, or was forgotten long ago.", TripFault.UNKNOWN)
    by_link = bool(Request.from_text(trip.request).link)
    begun_so = by_link if user is None else trip.user_id == user.pk and not by_link
    if not begun_so or trip.pk not in session.get(SESSION_KEY, []):
        raise TripError(
            "The state belongs to another session: somebody else began here, or another browser.",
            TripFault.OTHER_SESSION,
        )
    now = timezone.now()
    if not OAuthState.objects.filter(pk=trip.pk, used_at=None).update(used_at=now):
        raise TripError("The state was used already: this page was loaded twice.", TripFault.USED)
    if trip.expires_at <= now:
        raise TripError(
            "The state has expired: more than ten minutes passed on the provider's page.",
            TripFault.EXPIRED,
            trip=trip,
        )
    return trip


def _provision(user: User, request: Request, code: str, verifier: str) -> ElementInstance:
    consent = provision.Consent(
        code=code,
        code_verifier=verifier,
        callback_url=request.callback_url,
        other_account=request.other_account,
    )
    organization = _organization(user)
    if request.instance_id is not None and request.link:
        link = reconnect_link.find(request.link, timezone.now())
        return provision.change(
            organization,
            link.instance_id,
            provision.Wish(consent=replace(consent, other_account=False)),
            first=lambda _: reconnect_link.use(link, timezone.now()),
        )
    own = reach_of(user, organization)
    if request.instance_id is not None:
        return provision.change(own, request.instance_id, provision.Wish(consent=consent))
    wanted = replace(wish.to_create(request.body), consent=consent)
    return provision.create(user, organization, wish.element_of(own, request.body, None), wanted)


def _organization(user: User) -> Organization:
    if user.organization is None:
        raise BadRequest("your user belongs to no organization")
    return user.organization


def _challenge(verifier: str) -> str:
    """PKCE with S256, RFC 7636 section 4.2."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
