"""Asks a provider whether it accepts what an account authenticates with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ImproperlyConfigured

from elements import catalogue, run
from elements.calls import Call
from elements.errors import ConfigurationError, ElementNotFound
from elements.interpolation import addressed, filled
from elements.types import Element, Operation, Setting
from encryption.keys import UnsealError
from instances import configuration as keys
from instances.models import ElementInstance
from transport import sync
from transport.errors import GrantLost, TransportError
from transport.limits import Limits
from transport.shares import on_behalf_of
from transport.types import Account, Response, Steps

LIMITS = Limits(total=10.0, attempts=1)


def accepts(instance: ElementInstance, access_token: str) -> bool | None:
    """Return whether the provider accepts the token; None where it cannot be told.

    That is where the element has nothing to ask for, the provider has no answer or a limit.
    """
    values = keys.effective(instance)
    try:
        element = addressed(keys.element_of(instance), values)
        if element.trial is None:
            return None
        account = Account(
            base_url(element, values),
            Unrenewable(access_token, ""),
            limit_codes=element.limit_codes,
        )
        with on_behalf_of(instance.organization_id):
            status = sync.run(ask(element.trial, values), account, limits=LIMITS)
    except GrantLost:
        return False
    except (TransportError, ConfigurationError, ElementNotFound, UnsealError):
        return None
    return None if status == 429 or status >= 500 else True


def base_url(element: Element, configuration: Mapping[str, str]) -> str:
    """Where the account's provider answers; a private element's may be configured.

    Raises ConfigurationError where it is configured with what is no address.
    """
    configured = configuration.get(keys.BASE_URL, "").strip() if element.private else ""
    if not configured and element.base_url.default:
        return catalogue.address(element.base_url)
    try:
        return catalogue.address(Setting("", filled(configured, configuration)))
    except ImproperlyConfigured as error:
        raise ConfigurationError(
            f"configuration.{keys.BASE_URL}", "must be an address such as https://api.example.com"
        ) from error


def ask(operation: Operation, configuration: Mapping[str, str]) -> Steps[int]:
    """Ask for `operation`, and return the status that is answered."""
    response: Response = yield run.request_of(operation, Call(configuration))
    return response.status


@dataclass(frozen=True, slots=True)
class Unrenewable:
    """Authorizes with a secret that nothing can renew."""

    token: str = field(repr=False)
    loss: str  # what is said when the provider rejects it

    def access_token(self) -> str:
        return self.token

    def refresh(self, rejected: str) -> str:
        raise GrantLost(self.loss)

    async def arefresh(self, rejected: str) -> str:
        return self.refresh(rejected)
