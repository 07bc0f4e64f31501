"""What an account was asked for, what it granted, and what does not work without the rest.

People may untick a scope on the consent page (granular consent), and the provider then says in
`scope` what is left (RFC 6749 section 5.1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from elements.errors import ElementNotFound
from elements.types import Element, OAuth2
from instances import configuration as keys
from instances.models import ElementInstance


@dataclass(frozen=True, slots=True)
class Missing:
    """Scopes that were asked for and not granted, and the resources that need them."""

    scopes: tuple[str, ...]
    unreadable: tuple[str, ...]  # neither read nor polled
    unwritable: tuple[str, ...]  # read, and not written
    granted_none: bool

    def sentence(self) -> str:
        """For people; empty when nothing is missing."""
        if not self.scopes:
            return ""
        what = "none of the scopes asked for" if self.granted_none else "not every scope"
        said = [f"The account granted {what}; missing: {', '.join(self.scopes)}."]
        if self.unreadable:
            said.append(f"Not to be read or polled: {', '.join(self.unreadable)}.")
        if self.unwritable:
            said.append(f"Not to be changed: {', '.join(self.unwritable)}.")
        said.append(
            "What needs them fails until the account is connected again with every box ticked."
        )
        return " ".join(said)


NOTHING = Missing((), (), (), granted_none=False)


def asked(element: Element, configuration: Mapping[str, str]) -> tuple[str, ...]:
    """The scopes that the consent page was asked for."""
    own = configuration.get(keys.SCOPE, "").replace(",", " ").split()
    if own or not isinstance(element.authentication, OAuth2):
        return tuple(own)
    return element.authentication.scopes


def missing(element: Element, configuration: Mapping[str, str], granted: str) -> Missing:
    """What of the asked scopes is not among the `granted` ones, which are separated by blanks."""
    wanted, held = asked(element, configuration), frozenset(granted.split())
    left_out = tuple(one for one in wanted if one not in held)
    if not left_out:
        return NOTHING
    unreadable = [one.name for one in element.resources if lacking(one.scopes, held)]
    unwritable = [
        one.name
        for one in element.resources
        if one.name not in unreadable and lacking(one.writing_scopes, held)
    ]
    return Missing(
        left_out, tuple(unreadable), tuple(unwritable), granted_none=len(left_out) == len(wanted)
    )


def needed_to_read(instance: ElementInstance, resource_name: str) -> tuple[str, ...]:
    """The scopes of which the account must grant one for the resource to be read; none when it
    has. Reads `credential` of the row."""
    credential = getattr(instance, "credential", None)
    try:
        resource = keys.element_of(instance).resource(resource_name)
    except ElementNotFound:
        return ()
    if credential is None or resource is None:
        return ()
    return resource.scopes if lacking(resource.scopes, credential.scope.split()) else ()


def lacking(enough: Collection[str], held: Collection[str]) -> bool:
    """Whether none of the scopes is held of which any would be `enough`."""
    return bool(enough) and not set(enough) & set(held)
