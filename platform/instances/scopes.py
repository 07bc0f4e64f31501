"""What an account was asked for, what it granted, and what does not work without the rest.

People may untick a scope on the consent page (granular consent), and the provider then says in
`scope` what is left (RFC 6749 section 5.1).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from elements import poller
from elements.errors import ElementNotFound
from elements.types import Element, OAuth2, ScopeNames
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


SEPARATORS = re.compile(r"[;|+]|%20")


class Granted:
    """The scopes that an account granted, compared by what they mean.

    Scopes are case-sensitive in RFC 6749 section 3.3, and some providers answer them in small
    letters all the same. One that is an address, such as Microsoft's
    https://graph.microsoft.com/Mail.Read, may be written without what stands before its name:
    https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc#the-default-scope.
    """

    def __init__(self, element: Element, scope: str) -> None:
        how = element.authentication
        names = how.scope_names if isinstance(how, OAuth2) else ScopeNames()
        self._aliases = {_plain(one): _plain(other) for one, other in names.aliases.items()}
        self._unechoed = frozenset(map(self._meant, names.unechoed))
        implied = {
            self._meant(one): frozenset(map(self._meant, others))
            for one, others in names.implied.items()
        }
        self._held: set[str] = set()
        # Some providers separate by other signs than a blank; which are letters of RFC 6749, too.
        parts = {part for one in scope.split() for part in (one, *SEPARATORS.split(one)) if part}
        left = [self._meant(one) for one in parts]
        while left:
            if (one := left.pop()) not in self._held:
                self._held.add(one)
                left.extend(implied.get(one, ()))
        self._bare = {one for one in self._held if "/" not in one}
        self._names = {_name(one) for one in self._held}

    def __contains__(self, scope: str) -> bool:
        meant = self._meant(scope)
        return (
            meant in self._held
            or meant in self._unechoed
            or _name(meant) in self._bare
            or (meant == _name(meant) and meant in self._names)
        )

    def lacks(self, enough: Collection[str]) -> bool:
        """Return whether none of the scopes is granted of which any would be `enough`."""
        return bool(enough) and not any(one in self for one in enough)

    def _meant(self, scope: str) -> str:
        plain = _plain(scope)
        return self._aliases.get(plain, plain)


def _plain(scope: str) -> str:
    return scope.casefold().rstrip("/")


def _name(scope: str) -> str:
    """The name at the end of a scope that is an address; another scope as it is."""
    return scope.rsplit("/", 1)[-1] if "://" in scope else scope


NOTHING = Missing((), (), (), granted_none=False)


def asked(element: Element, configuration: Mapping[str, str]) -> tuple[str, ...]:
    """The scopes that the consent page was asked for."""
    own = configuration.get(keys.SCOPE, "").replace(",", " ").split()
    if own or not isinstance(element.authentication, OAuth2):
        return tuple(own)
    return element.authentication.scopes


def missing(element: Element, configuration: Mapping[str, str], granted: str) -> Missing:
    """What of the asked scopes is not among the `granted` ones, which are separated by blanks."""
    wanted, held = asked(element, configuration), Granted(element, granted)
    left_out = tuple(one for one in wanted if one not in held)
    if not left_out:
        return NOTHING
    unreadable = [one.name for one in element.resources if held.lacks(one.scopes)]
    unwritable = [
        one.name
        for one in element.resources
        if one.name not in unreadable and held.lacks(one.writing_scopes)
    ]
    return Missing(
        left_out, tuple(unreadable), tuple(unwritable), granted_none=len(left_out) == len(wanted)
    )


def needed_to_read(instance: ElementInstance, name: str, url: str) -> tuple[str, ...]:
    """The scopes of which the account must grant one for a polled resource to be read; none when
    it has. `name` and `url` are its entry's. Reads `credential` of the row."""
    credential = getattr(instance, "credential", None)
    try:
        element = keys.element_of(instance)
        resource = poller.polled_by(element, name, url)
    except ElementNotFound:
        return ()
    if credential is None or resource is None:
        return ()
    return resource.scopes if Granted(element, credential.scope).lacks(resource.scopes) else ()
