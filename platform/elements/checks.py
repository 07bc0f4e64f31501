"""System checks of the catalogue: `manage.py check` names what an element got wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from elements import catalogue, poller
from elements.errors import ConfigurationError
from elements.types import Element, OAuth2, Setting
from elements.webhooks import Proof


@register
def check_elements(**_: Any) -> list[CheckMessage]:
    try:
        elements = catalogue.all_elements()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="elements.E001")]
    return [fault for element in elements for fault in faults_of(element)]


def faults_of(element: Element) -> Iterable[CheckMessage]:
    addresses: list[Setting | None] = [element.base_url]
    if isinstance(element.authentication, OAuth2):
        oauth = element.authentication
        addresses += [oauth.authorization_url, oauth.token_url, oauth.revoke_url]
    for setting in addresses:
        yield from _fault_of_address(setting)
    keys = [field.key for field in element.configuration]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield Error(
            f"{element.key}: the configuration key {key} is given twice", id="elements.E003"
        )
    if element.webhook is not None and element.webhook.signature.proof is not Proof.NONE:
        key = element.webhook.signature.secret_key
        if not any(field.key == key and field.secret for field in element.configuration):
            yield Error(
                f"{element.key}: the webhook's secret {key} must be an entry of the configuration, "
                "of the type PASSWORD",
                id="elements.E005",
            )
    if element.default_poller:
        try:
            poller.parse(dict(element.default_poller), element)
        except ConfigurationError as error:
            yield Error(f"{element.key}: default_poller: {error}", id="elements.E004")


def _fault_of_address(setting: Setting | None) -> Iterable[CheckMessage]:
    if setting is None:
        return
    try:
        catalogue.address(setting)
    except ImproperlyConfigured as error:
        yield Error(str(error), id="elements.E002")
