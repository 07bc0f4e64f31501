"""On whose behalf a connector runs: an instance as the transport sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from elements import catalogue
from elements.types import Element
from instances.configuration import REFRESH_TOKEN, USER_TOKEN
from instances.credential import GONE, CredentialAuthorizer
from instances.models import Credential, CredentialState, ElementInstance
from transport import sync
from transport.errors import GrantLost
from transport.types import Account, Request, Response, Steps


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


def try_token(element: Element, access_token: str) -> None:
    """Asks the provider whether it accepts a token that nothing can renew.

    Every answer but a 401 will do: an account may have granted less than the question needs.
    Raises GrantLost, and TransportError when the provider does not answer.
    """
    if element.single_record is not None:
        account = Account(catalogue.address(element.base_url), _Unrenewable(access_token))
        sync.run(_ask(element.single_record.vendor_path), account)


def _ask(vendor_path: str) -> Steps[int]:
    response: Response = yield Request("GET", vendor_path)
    return response.status


@dataclass(frozen=True, slots=True)
class _Unrenewable:
    token: str = field(repr=False)

    def access_token(self) -> str:
        return self.token

    def refresh(self, rejected: str) -> str:
        raise GrantLost(
            f"configuration.{USER_TOKEN}: the provider does not accept it; it may have expired: "
            f"bring {REFRESH_TOKEN} along"
        )

    async def arefresh(self, rejected: str) -> str:
        return self.refresh(rejected)
