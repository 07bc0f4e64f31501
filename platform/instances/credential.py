"""Keeps one account authorized: a credential is stored, renewed one at a time, and lost once.

Rule 1: a credential's row is locked for as long as its renewal takes, and read again after the
lock: of many that want a new token, one asks and the others get what it was given.
Rule 2: only `invalid_grant` from the provider loses a grant, or where nothing can be renewed, a
second 401 some time after the first. A network failure or a 5xx never does, nor does a single 401:
providers answer one to good tokens, too.
Rule 3: the instance's row is locked before the credential's, or not at all.
Rule 4: what the provider gave is stored next of all: it may have spent the refresh token that it
was asked with. No protocol makes the two one step. A process that is killed in between leaves the
old token, which is tried again: Google's stays good, and so do those of providers that take the
old one for a moment longer. A database that goes away in between is waited for.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.db import Error, connection, transaction
from django.utils import timezone

from config.given_postgres import trouble
from elements.errors import ConfigurationError
from elements.interpolation import addressed
from encryption.fields import opens
from instances import configuration, grant, probe
from instances.expiring import ends_soon
from instances.models import Credential, CredentialState, ElementInstance
from instances.reason import MEANING, Reason, lasting_refusal, of_loss, refused
from instances.signals import grant_lost, grant_refused
from transport.errors import (
    AddressRefused,
    GrantLost,
    ProviderError,
    TransportError,
    wished_pause,
)
from transport.shares import on_behalf_of
from worker.backoff import Backoff

KEPT_TRYING = 30  # times that a new grant is tried to be stored while the database is away
PAUSE_AFTER_LOST_DATABASE = 1.0  # seconds
BACKOFF = Backoff(timedelta(seconds=30), timedelta(minutes=30))
CONFIRMED_AFTER = 120  # seconds after a first 401 where nothing can be renewed
REJECTED = (
    "The provider rejected the access token, and gave no refresh token with it. It is asked once "
    "more before the account counts as lost."
)
REFUSED_AFTER = 2  # renewals in a row: a provider may be wrong once
GONE = "The account is no longer connected."
CONNECT_AGAIN = "Connect the account again to go on where it stopped."


class CredentialAuthorizer:
    """Authorizes the requests of one account; needs no model to be loaded.

    `noting`: a renewal that fails is written down, and loses the grant where it is gone.
    """

    def __init__(self, credential_id: int, access_token: str, *, noting: bool = True) -> None:
        self._credential_id = credential_id
        self._access_token = access_token
        self._noting = noting

    def without_notes(self) -> CredentialAuthorizer:
        """The same, for those who only look: it keeps a new token, and no failure."""
        return CredentialAuthorizer(self._credential_id, self._access_token, noting=False)

    def access_token(self) -> str:
        return self._access_token

    def refresh(self, rejected: str) -> str:
        """A token other than `rejected`. Raises GrantLost, or why it could not be renewed."""
        self._access_token = refresh(self._credential_id, rejected, noting=self._noting)
        return self._access_token

    async def arefresh(self, rejected: str) -> str:
        """As `refresh`, in a thread with a database connection of its own.

        The thread that all other database work shares must not wait for a provider.
        """
        return await sync_to_async(self._refresh_and_close, thread_sensitive=False)(rejected)

    def _refresh_and_close(self, rejected: str) -> str:
        try:
            return self.refresh(rejected)
        finally:
            connection.close()


def refresh(
    credential_id: int, rejected: str, *, noting: bool = True, confirming: bool = False
) -> str:
    """Renews the access token that the provider rejected, and returns the one to use.

    1. Lock the row and read it: when somebody else has renewed it, theirs is the answer.
    2. Ask the provider, holding the lock.
    3. Store what it gave; a failure is stored too, with the time of the next try.
    4. When the grant is gone, say so on the instance, and tell who listens (`grant_lost`).

    Without `noting`, a failure is raised and stored nowhere. Where nothing can be renewed, the
    provider is asked whether it accepts the token all the same; if so, it is returned. `confirming`
    says that nobody was rejected just now, and the time of the next try has come.

    Raises GrantLost when the grant is gone, and the TransportError when the provider could not
    be asked or answered with something else.
    """
    failure: TransportError | None = None
    given: grant.Grant | None = None
    try:
        with transaction.atomic():
            credential = _locked(credential_id)
            if credential is None:
                raise GrantLost(GONE)
            if credential.state == CredentialState.LOST:
                raise GrantLost(credential.error)
            if credential.access_token != rejected:
                return credential.access_token
            spent = credential.refresh_token
            if not spent:
                failure = _rejection(credential, confirming=confirming, noting=noting)
                if failure is None:
                    return rejected
            try:
                given = _renewed(credential) if spent else None
            except TransportError as error:
                failure = error
                if noting:
                    _note_failure(credential, str(error), error)
            else:
                if given is not None:
                    _store(credential, given)
    except Error as error:
        if given is None or not trouble.passes(error):
            raise
        _store_later(credential_id, spent, rejected, given)
    if failure is None and given is not None:
        return given.access_token
    assert failure is not None  # noqa: S101 - without one there is a grant
    assert credential is not None  # noqa: S101 - without one GrantLost was raised
    reason = _loss(failure)
    if reason is None:
        raise failure
    if noting:
        _lose(credential, spent, rejected, reason, failure)
    raise GrantLost(reason) from failure


def _locked(credential_id: int) -> Credential | None:
    return (
        Credential.objects.select_for_update(no_key=True, of=("self",))
        .select_related("instance")
        .filter(pk=credential_id)
        .first()
    )


def _store_later(credential_id: int, spent: str, rejected: str, given: grant.Grant) -> None:
    """Stores a grant once the database is back, unless the account was connected again.

    Raises the database's error when it stays away.
    """
    for tries in range(1, KEPT_TRYING + 1):
        connection.close()
        time.sleep(PAUSE_AFTER_LOST_DATABASE)
        try:
            with transaction.atomic():
                credential = _locked(credential_id)
                if credential is not None and (
                    (credential.refresh_token, credential.access_token) == (spent, rejected)
                ):
                    _store(credential, given)
        except Error as error:
            if tries == KEPT_TRYING or not trouble.passes(error):
                raise
        else:
            return


def _rejection(credential: Credential, *, confirming: bool, noting: bool) -> TransportError | None:
    """Return what a 401 comes to where nothing can be renewed; None: the token is good.

    `failures` are 1 after a first 401, which is confirmed in CONFIRMED_AFTER, and 2 where nobody
    could confirm it then: the next 401 within BACKOFF.longest does.
    """
    accepted, now = probe.accepts(credential.instance, credential.access_token), timezone.now()
    failures, due_at = credential.failures, credential.refresh_due_at
    unconfirmed = confirming and accepted is None
    if accepted or (unconfirmed and failures > 1):
        if noting and failures:
            _note_rejection(credential, 0, None)
        return None
    if failures > 1 or (failures == 1 and not unconfirmed and (confirming or _passed(due_at, now))):
        return GrantLost(
            "The provider no longer accepts the access token, and gave no refresh token with it."
        )
    if noting and unconfirmed:
        _note_rejection(credential, 2, now + BACKOFF.longest)
    elif noting and not failures:
        _note_rejection(credential, 1, now + timedelta(seconds=CONFIRMED_AFTER))
    return ProviderError(401, REJECTED)


def _passed(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _note_rejection(credential: Credential, failures: int, due_at: datetime | None) -> None:
    credential.failures, credential.refresh_due_at = failures, due_at
    credential.error = REJECTED if failures else ""
    credential.save(update_fields=["failures", "error", "refresh_due_at"])


def _renewed(credential: Credential) -> grant.Grant:
    instance = credential.instance
    values = configuration.effective(instance)
    try:
        element = addressed(configuration.element_of(instance), values)
        with on_behalf_of(instance.organization_id):
            return grant.renew(
                element,
                grant.Client.of(values),
                refresh_token=credential.refresh_token,
                scope=credential.scope,
            )
    except ConfigurationError as error:  # its addresses, or how the element authenticates by now
        raise AddressRefused(str(error)) from error


def _loss(failure: TransportError) -> str | None:
    """Why the grant is gone, in a sentence for a person; None when it is not."""
    if isinstance(failure, GrantLost):
        return str(failure)
    # A server in trouble (5xx) is not believed: the grant may be there when it is well again.
    if (
        isinstance(failure, ProviderError)
        and failure.reason == "invalid_grant"
        and failure.status < 500
    ):
        return f"The provider has ended the authorization: {failure.provider_message}"
    return None


def _code(credential: Credential, failure: TransportError, now: datetime) -> str:
    if isinstance(failure, GrantLost):
        return Reason.NO_REFRESH_TOKEN
    return of_loss(
        str(failure), ends_at=credential.ends_at, used_at=credential.refreshed_at, now=now
    )


def _lose(
    asked: Credential, spent: str, rejected: str, reason: str, failure: TransportError
) -> None:
    """Marks the grant as gone, unless the account has been connected again in the meantime.

    A grant without a refresh token (`spent` is empty) is told from the next by its access token.
    """
    code = _code(asked, failure, timezone.now())
    with transaction.atomic():
        instance = (
            ElementInstance.objects.select_for_update(no_key=True)
            .filter(pk=asked.instance_id)
            .first()
        )
        if instance is None:
            return
        credential = Credential.objects.select_for_update(no_key=True).get(instance=instance)
        if credential.state == CredentialState.LOST:
            return
        if (credential.refresh_token, credential.access_token) != (spent, rejected):
            return
        credential.state = CredentialState.LOST
        credential.error = reason
        credential.refresh_due_at = None
        credential.save(update_fields=["state", "error", "refresh_due_at"])
        instance.valid = False
        instance.reason_code = code
        instance.problem = " ".join(filter(None, (reason, MEANING[Reason(code)], CONNECT_AGAIN)))
        instance.save(update_fields=["valid", "reason_code", "problem", "updated_at"])
        grant_lost.send(sender=ElementInstance, instance=instance, reason=reason, code=code)


def store(instance: ElementInstance, given: grant.Grant) -> Credential:
    """Gives the instance the grant, in place of the one it may have had."""
    credential = (
        Credential.objects.select_for_update(no_key=True).filter(instance=instance).first()
    ) or Credential(instance=instance)
    if credential.pk is not None and not given.refresh_token:
        # A second consent may bring no refresh token; the earlier one is then still good, unless
        # it is what was lost.
        good = credential.state == CredentialState.OK and opens(credential, "refresh_token")
        kept = credential.refresh_token if good else ""
        credential.refresh_token = kept
    credential.state = CredentialState.OK
    credential.account = given.account
    credential.identity = given.identity
    credential.ends_at = credential.warned_at = None
    _fill(credential, given)
    credential.save()
    return credential


def _store(credential: Credential, given: grant.Grant) -> None:
    _fill(credential, given)
    credential.save()


def _fill(credential: Credential, given: grant.Grant) -> None:
    credential.access_token = given.access_token
    if not opens(credential, "refresh_token"):
        credential.refresh_token = ""
    if given.ends_at is not None or given.refresh_token != credential.refresh_token:
        credential.ends_at = given.ends_at
    if given.ends_at is not None and not ends_soon(given.ends_at, given.obtained_at):
        credential.warned_at = None  # some providers move the end with each renewal
    if given.refresh_token or credential.pk is None:
        credential.refresh_token = given.refresh_token
    credential.scope = given.scope
    credential.expires_at = given.expires_at
    credential.refreshed_at = given.obtained_at
    credential.refresh_due_at = given.renew_at if credential.refresh_token else None
    credential.error = credential.refusal = ""
    credential.failures = 0


@transaction.atomic
def note_not_renewed(credential_id: int, why: str) -> None:
    """Store on the row that it was not renewed, for a reason that is not the provider's.

    `why` follows a colon.
    """
    credential = _locked(credential_id)
    if credential is not None and credential.state == CredentialState.OK:
        _note_failure(credential, f"The token was not renewed: {why}.", None)


def _note_failure(credential: Credential, said: str, failure: TransportError | None) -> None:
    credential.failures += 1
    credential.error = said
    refusal = lasting_refusal(failure) if credential.failures >= REFUSED_AFTER else ""
    is_news = bool(refusal) and not credential.refusal
    credential.refusal = refusal
    credential.refresh_due_at = timezone.now() + BACKOFF.pause(
        credential.failures, wished_pause(failure)
    )
    credential.save(update_fields=["failures", "error", "refusal", "refresh_due_at"])
    if is_news:
        instance = credential.instance
        grant_refused.send(sender=ElementInstance, instance=instance, reason=refused(said))
