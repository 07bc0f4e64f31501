"""What a provider is told of an instance that is gone: that its watch ends, and its grant.

Rule 1: it is a row, stored in the transaction that deletes the instance, and removed once the
provider has confirmed. A process that is killed at any point leaves the row, and the same is asked
again: revoking and stopping twice does no harm.
Rule 2: a grant ends with the last instance of its account. That is asked when the instance is
deleted and once more before the provider is: the account may have been connected again.
Rule 3: a row is known by its lease. Who stores under another one has lost it.

The row keeps the secrets that it takes, encrypted, until the provider confirms or MAX_ATTEMPTS are
over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from elements.catalogue import address
from elements.errors import ConfigurationError, ElementNotFound
from elements.interpolation import addressed
from elements.types import Element, OAuth2
from encryption.fields import opens
from encryption.keys import UnsealError
from instances import account as accounts
from instances import configuration as keys
from instances import grant, session
from instances.credential import GONE
from instances.models import Cleanup, Credential, CredentialState, ElementInstance
from instances.probe import base_url
from quota.meter import meter_of
from transport.errors import GrantLost, ProviderError, TransportError, wished_pause
from transport.shares import on_behalf_of
from transport.types import Account
from worker.backoff import Backoff
from worker.leased_table import LeasedTable

LEASE = timedelta(seconds=120)  # a row is begun within 30 s, and asks its provider twice
BACKOFF = Backoff(timedelta(seconds=30), timedelta(hours=1))
MAX_ATTEMPTS = 30  # over about a day
MAX_STEP_ATTEMPTS = 8  # over about an hour: then the grant is revoked without them
BELIEVED_AFTER = 2  # refusals: providers answer a 401 to good tokens, too
TOKENS = ("access_token", "refresh_token")
MAX_ERROR = 1000  # characters that are kept
# RFC 7009 section 2.2: a token that is not valid any more needs no revoking. Google answers so.
ALREADY_REVOKED = frozenset({"invalid_token", "invalid_grant"})
FAILURES = (TransportError, UnsealError, ElementNotFound, ConfigurationError, ImproperlyConfigured)

CLEANUPS = LeasedTable(
    "instances_cleanup",
    LEASE,
    due="r.due_at",
    claimed="lease_id = %(lease_id)s, due_at = %(lease_until)s",
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a room above wants said to the provider, before the grant is revoked.

    `details` is JSON, and kept encrypted. `not_before`: somebody is still at the provider for the
    instance until then.
    """

    name: str
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """An instance that is deleted, as its steps see it. `account_digest` as Credential.account."""

    instance: ElementInstance  # rebuilt, not stored
    element: Element
    account: Account
    account_digest: str


STEPS: dict[str, Callable[[Gone, Mapping[str, Any]], None]] = {}


def register(name: str, work: Callable[[Gone, Mapping[str, Any]], None]) -> None:
    """Names what does a Step. It may be run any number of times; what it raises is tried again."""
    STEPS[name] = work


# --- Storing -------------------------------------------------------------------------------------


def plan(
    instance: ElementInstance,
    *,
    steps: Sequence[Step] = (),
    revoke: str = "",
    account: str = "",
    held: Credential | None = None,
) -> None:
    """Store what is to be said to the provider of an instance, in the caller's transaction.

    `revoke` is the token that is to be revoked, empty for none, and `account` the account that it
    is of. `held` is the credential that the steps are authorized by, which says that, too.
    """
    if held is not None and (held.state == CredentialState.LOST or not opens(held, *TOKENS)):
        steps = ()  # the provider would not listen
    try:
        element, values = _addressed(instance)
        where = _where(element, values)
        oauth = element.authentication
        revoke = revoke if isinstance(oauth, OAuth2) and oauth.revoke_url is not None else ""
    except FAILURES as error:
        log.warning("cleanup.impossible", instance=instance.pk, reason=str(error))
        return
    if not steps and not revoke:
        return
    now = timezone.now()
    details = {
        "configuration": instance.configuration,
        "secrets": instance.secrets,
        "steps": {step.name: step.details for step in steps},
        "revoke": revoke,
        "accessToken": held.access_token if held and steps else "",
        "refreshToken": held.refresh_token if held and steps else "",
        "scope": held.scope if held else "",
        "where": where,
    }
    Cleanup(
        organization_id=instance.organization_id,
        instance_id=instance.pk,
        element_key=instance.element_key,
        account=held.account if held else account,
        details=json.dumps(details),
        created_at=now,
        due_at=max([now, *(step.not_before for step in steps if step.not_before)]),
    ).save()


# --- Claiming and saying ----------------------------------------------------------------------


def claim_due(most: int, now: datetime) -> list[Cleanup]:
    """Claim at most `most` due rows."""
    return CLEANUPS.claim(most, now).read(Cleanup.objects.all())


def clean(row: Cleanup) -> None:
    """Say what a claimed row is for. Raises the errors of the database."""
    try:
        with on_behalf_of(row.organization_id):
            _say(row)
    except ElementNotFound as error:  # a private element that is deleted, too
        _give_up(row, str(error))
    except FAILURES as error:
        _note_failure(row, error, str(error) or type(error).__name__)
    except Exception as error:  # a faulty connector must not stop the others
        log.exception("cleanup.connector_failed", instance=row.instance_id)
        _note_failure(row, error, f"the connector failed: {type(error).__name__}")
    else:
        _ours(row).delete()
        log.info("cleanup.done", instance=row.instance_id)


def _say(row: Cleanup) -> None:
    details = json.loads(row.details)
    instance = ElementInstance(
        pk=row.instance_id,
        organization_id=row.organization_id,
        element_key=row.element_key,
        configuration=details["configuration"],
        secrets=details["secrets"],
    )
    element, values = _addressed(instance)
    if element.private and _where(element, values) != details["where"]:
        log.warning("cleanup.led_elsewhere", instance=row.instance_id, element=row.element_key)
        return
    if details["steps"] and row.failures < MAX_STEP_ATTEMPTS:
        try:
            account = _account(element, instance, values, details, row)
            gone = Gone(instance, element, account, row.account)
            for name, given in details["steps"].items():
                STEPS[name](gone, given)
        except GrantLost:
            if row.failures < BELIEVED_AFTER:
                raise
    if details["revoke"] and not _is_used_still(row.account):
        _revoke(element, details["revoke"])


def _addressed(instance: ElementInstance) -> tuple[Element, dict[str, str]]:
    """The element with the addresses that the instance's configuration makes, which comes along."""
    values = keys.effective(instance)
    return addressed(keys.element_of(instance), values), values


def _where(element: Element, values: Mapping[str, str]) -> list[str]:
    """The addresses that secrets are sent to. A private element's may be changed meanwhile."""
    oauth = element.authentication
    if not isinstance(oauth, OAuth2):
        return [base_url(element, values)]
    asked = (oauth.token_url, oauth.refresh_url, oauth.revoke_url)
    return [base_url(element, values), *(address(one) for one in asked if one is not None)]


def _account(
    element: Element,
    instance: ElementInstance,
    values: Mapping[str, str],
    details: dict[str, Any],
    row: Cleanup,
) -> Account:
    meter = meter_of(element, session.subject_of(instance, row.account), share=1.0)
    if not isinstance(element.authentication, OAuth2):
        configured = session.configured_account(element, values)
        return Account(configured.base_url, configured.authorizer, configured.scheme, meter)
    if not details["accessToken"]:
        raise GrantLost(GONE)
    return Account(
        base_url(element, values), _Remembered(row, details, element, values), meter=meter
    )


class _Remembered:
    """Authorizes by the tokens that a row keeps; a renewed one is kept in it, and in `details`."""

    def __init__(
        self,
        row: Cleanup,
        details: dict[str, Any],
        element: Element,
        values: Mapping[str, str],
    ) -> None:
        self._row = row
        self._details = details
        self._element = element
        self._values = values

    def access_token(self) -> str:
        return str(self._details["accessToken"])

    def refresh(self, rejected: str) -> str:
        """Renew the token. Raises GrantLost where that is over, or why it could not be renewed."""
        spent = self._details["refreshToken"]
        if not spent:
            raise GrantLost(GONE)
        client = grant.Client.of(self._values)
        try:
            given = grant.renew(
                self._element, client, refresh_token=spent, scope=self._details["scope"]
            )
        except ProviderError as error:
            if error.reason == "invalid_grant":
                raise GrantLost(GONE) from error
            raise
        self._details["accessToken"] = given.access_token
        if given.refresh_token and given.refresh_token != spent:
            self._details["refreshToken"] = given.refresh_token
            if self._details["revoke"] == spent:
                self._details["revoke"] = given.refresh_token
        self._row.details = json.dumps(self._details)
        self._row.save(update_fields=["details"])
        return given.access_token

    async def arefresh(self, rejected: str) -> str:
        return self.refresh(rejected)


def _revoke(element: Element, token: str) -> None:
    try:
        grant.revoke(element, token)
    except ProviderError as error:
        if error.status >= 500 or error.reason not in ALREADY_REVOKED:
            raise


def _is_used_still(account: str) -> bool:
    with transaction.atomic():
        return accounts.is_used_still(account)


# --- What came of it -----------------------------------------------------------------------------


def _note_failure(row: Cleanup, failure: Exception, said: str) -> None:
    reason = said[:MAX_ERROR]
    if row.failures + 1 >= MAX_ATTEMPTS:
        _give_up(row, reason)
        return
    _ours(row).update(
        due_at=timezone.now() + BACKOFF.pause(row.failures + 1, wished_pause(failure)),
        lease_id=None,
        failures=row.failures + 1,
        error=reason,
    )
    log.warning("cleanup.failed", instance=row.instance_id, reason=reason)


def _give_up(row: Cleanup, reason: str) -> None:
    _ours(row).delete()
    log.error("cleanup.given_up", instance=row.instance_id, element=row.element_key, reason=reason)


def _ours(row: Cleanup) -> QuerySet[Cleanup]:
    return Cleanup.objects.filter(pk=row.pk, lease_id=row.lease_id)
