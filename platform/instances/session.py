"""On whose behalf a connector runs: an instance as the transport sees it."""

from __future__ import annotations

from elements import catalogue
from instances.credential import GONE, CredentialAuthorizer
from instances.models import Credential, CredentialState, ElementInstance
from transport.errors import GrantLost
from transport.types import Account


def account_of(instance: ElementInstance) -> Account:
    """The account for both runners. Reads the credential: call it outside the event loop.

    Raises GrantLost when the account must be connected again.
    """
    element = catalogue.find(instance.element_key)
    credential = Credential.objects.filter(instance=instance).first()
    if credential is None:
        raise GrantLost(GONE)
    if credential.state == CredentialState.LOST:
        raise GrantLost(credential.error)
    return Account(
        base_url=catalogue.address(element.base_url),
        authorizer=CredentialAuthorizer(credential.pk, credential.access_token),
    )
