"""On whose behalf a connector runs: an instance as the transport sees it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace

from elements.types import ApiKey, Element, OAuth2
from instances import configuration as keys
from instances.credential import GONE, CredentialAuthorizer
from instances.models import Credential, CredentialState, ElementInstance
from instances.probe import Unrenewable, ask, base_url
from quota.meter import Subject, meter_of
from transport import sync
from transport.errors import GrantLost
from transport.types import Account, Scheme

EXPIRED = (
    f"configuration.{keys.USER_TOKEN}: the provider does not accept it; it may have expired: "
    f"bring {keys.REFRESH_TOKEN} along"
)


def account_of(instance: ElementInstance, *, share: float = 1.0) -> Account:
    """The account for both runners. Reads the credential: call it outside the event loop.

    `share` is the part of the provider's quota that it may use up.
    Raises GrantLost when the account must be connected again.
    """
    element = keys.element_of(instance)
    configuration = keys.effective(instance)
    if not isinstance(element.authentication, OAuth2):
        meter = meter_of(element, subject_of(instance), share=share)
        return replace(configured_account(element, configuration), meter=meter)
    credential = Credential.objects.filter(instance=instance).first()
    if credential is None:
        raise GrantLost(GONE)
    if credential.state == CredentialState.LOST:
        raise GrantLost(credential.error)
    return Account(
        base_url=base_url(element, configuration),
        authorizer=CredentialAuthorizer(credential.pk, credential.access_token),
        meter=meter_of(element, subject_of(instance, credential.account), share=share),
        limit_codes=element.limit_codes,
    )


def subject_of(instance: ElementInstance, account: str = "") -> Subject:
    """Whom the provider's quota is counted for; `account` is the credential's."""
    return Subject(instance.organization_id, instance.pk, instance.application, account)


def configured_account(element: Element, configuration: Mapping[str, str]) -> Account:
    """An account that authenticates by what it is configured with. Not for OAuth 2."""
    if isinstance(element.authentication, ApiKey):
        scheme = Scheme(element.authentication.header, element.authentication.prefix)
        secret = configuration.get(keys.KEY, "").strip()
    else:
        scheme = Scheme(prefix="Basic ")
        pair = f"{configuration.get(keys.USERNAME, '')}:{configuration.get(keys.PASSWORD, '')}"
        secret = b64encode(pair.encode()).decode()
    return Account(
        base_url(element, configuration),
        Unrenewable(secret, _refusal(element)),
        scheme,
        limit_codes=element.limit_codes,
    )


def _refusal(element: Element) -> str:
    names = [
        name
        for name in keys.AUTHENTICATION_KEYS[type(element.authentication)]
        if name != keys.BASE_URL
    ]
    return f"{' and '.join(f'configuration.{name}' for name in names)}: refused by the provider"


def try_configuration(element: Element, configuration: Mapping[str, str]) -> None:
    """Asks the provider whether it accepts what an account is configured with.

    Raises GrantLost when it does not, and TransportError when it does not answer.
    """
    values = keys.completed(element, configuration)
    account = configured_account(element, values)
    if element.trial is not None:
        sync.run(ask(element.trial, values), account)


def try_token(element: Element, configuration: Mapping[str, str], access_token: str) -> None:
    """Asks the provider whether it accepts a token that nothing can renew.

    Every answer but a 401 will do: an account may have granted less than the question needs.
    Raises GrantLost, and TransportError when the provider does not answer.
    """
    values = keys.completed(element, configuration)
    if element.trial is not None:
        sync.run(ask(element.trial, values), bearer(element, values, access_token))


def bearer(element: Element, configuration: Mapping[str, str], access_token: str) -> Account:
    """An account that has an access token and nothing to renew it with."""
    return Account(base_url(element, configuration), Unrenewable(access_token, EXPIRED))
