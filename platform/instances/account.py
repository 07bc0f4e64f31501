"""Which account at the provider a grant is of: several instances may be of the same one.

Providers end all the tokens that one account gave to one application when one of them is revoked
(so does Google). The account is kept as a digest, which is compared, and sealed as what the
provider calls it, which is told to that provider alone: its consent page offers the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, NoReturn

import structlog
from django.db import connection

from accounts.secret import digest
from api.errors import Conflict
from elements import catalogue, run
from elements.calls import Call
from elements.errors import ConfigurationError
from elements.types import Element, OAuth2, Resource
from instances import configuration as keys
from instances import probe, session
from instances.grant import Grant
from instances.models import Credential, CredentialState, ElementInstance
from transport import sync
from transport.errors import TransportError, storable
from transport.limits import Limits

LIMITS = Limits(total=10.0, attempts=1)  # nobody is to wait long for what is only good to know
LONGEST_ID = 1_000  # characters

log = structlog.get_logger(__name__)

# Until the transaction ends. The number sets these locks apart from others of the database.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 5021))"


class OtherAccount(Conflict):
    """Another account than the one before gave its consent."""


class AccountNotKnown(Conflict):
    """Which account gave its consent, the provider did not say."""


class Account(NamedTuple):
    """`digest` is of provider, application and account; `identity` is the provider's name of it."""

    digest: str
    identity: str


UNKNOWN = Account("", "")


def of_grant(element: Element, configuration: dict[str, str], access_token: str) -> Account:
    """Whose grant it is, by one question to the provider; UNKNOWN where it has no such record or
    does not answer. `element` has its addresses filled in.
    """
    oauth, resource = element.authentication, _own_record(element)
    if resource is None or resource.single is None or not isinstance(oauth, OAuth2):
        return UNKNOWN
    try:
        account = session.bearer(element, configuration, access_token)
        steps = run.answer_steps(resource.single, Call(configuration))
        record = sync.run(steps, account, limits=LIMITS)
    except (TransportError, ConfigurationError) as error:
        log.warning("account not identified", element=element.key, reason=str(error))
        return UNKNOWN
    found = run.found_at(record, resource.id_field)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return UNKNOWN
    identity = str(found).strip()
    if not 0 < len(identity) <= LONGEST_ID or storable(identity) != identity:
        return UNKNOWN
    client = configuration.get(keys.API_KEY, "").strip()
    return Account(_digest(oauth, account.base_url, client, identity), identity)


def is_another(
    instance: ElementInstance, element: Element, configuration: Mapping[str, str], granted: Grant
) -> bool:
    """Return whether the grant is of another account than the one that the instance is of.

    One that the provider does not name now is taken for another; an instance of which it was never
    known takes any. Of one account the provider's application may have changed. `element` and
    `configuration` are what the grant was asked for with.
    """
    held = Credential.objects.filter(instance=instance).values_list("account", flat=True).first()
    if not held or held == granted.account:
        return False
    oauth = element.authentication
    if not granted.account or not isinstance(oauth, OAuth2):
        return True
    former = keys.readable(instance).get(keys.API_KEY, "").strip()
    base_url = probe.base_url(element, configuration)
    return held != _digest(oauth, base_url, former, granted.identity)


def refuse(granted: Grant) -> NoReturn:
    """Refuse a grant that `is_another`. Raises OtherAccount or AccountNotKnown."""
    if granted.account:
        raise OtherAccount(
            "another account than the one that was connected gave its consent; send "
            "allowOtherAccount true to have it from now on, with nothing kept of the one before"
        )
    raise AccountNotKnown("the provider did not say which account gave its consent: try again")


def _digest(oauth: OAuth2, base_url: str, client_id: str, identity: str) -> str:
    return digest("\0".join((catalogue.address(oauth.token_url), base_url, client_id, identity)))


def is_used_still(account: str) -> bool:
    """Whether a grant of the account is left. Asked by whoever has just deleted another one.

    The lock lets the next one who deletes ask only when the transaction has ended: of two at the
    same time, the second finds none left. It is the last that a transaction takes.
    """
    if not account:
        return False
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [account])
    return Credential.objects.filter(account=account, state=CredentialState.OK).exists()


def _own_record(element: Element) -> Resource | None:
    """The resource of `element.single_record`."""
    asked = element.single_record
    return next(
        (one for one in element.resources if asked is not None and one.single is asked), None
    )
