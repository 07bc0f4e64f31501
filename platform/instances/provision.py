"""The one way to create, change and delete an instance, for the API and for the pages.

1. Check the configuration: nothing is asked of the provider for a request that cannot succeed.
2. Ask the provider (exchange the code, or try the tokens that were brought), outside of any
   transaction.
3. Store instance and credential in one transaction, and tell the rooms above in it
   (`instance_saved`), so that polling and subscription change with the instance or not at all.

A failure at any step leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization, User
from accounts.reach import Reach
from accounts.secret import digest, new_instance_token
from api.errors import ApiError, BadRequest, Conflict, NotFound
from api.rows import relate
from elements import private
from elements.interpolation import addressed
from elements.types import Element, OAuth2
from instances import (
    account,
    authorization_code,
    cleanup,
    credential,
    destination,
    grant,
    lookup,
    lost_secrets,
    probe,
    reconnect_link,
    scopes,
    session,
)
from instances import configuration as keys
from instances.models import Credential, ElementInstance
from instances.reason import Reason
from instances.signals import instance_deleting, instance_saved
from transport.errors import ProviderError

log = structlog.get_logger(__name__)

# What the error codes of a token endpoint (RFC 6749 section 5.2, and Google's own) are about.
_WRONG_CLIENT = (
    f"configuration.{keys.API_KEY} and configuration.{keys.API_SECRET}",
    "they must be the client id and the client secret of one application at the provider",
)
REFUSALS = {
    "invalid_client": _WRONG_CLIENT,
    "unauthorized_client": _WRONG_CLIENT,
    "redirect_uri_mismatch": (
        f"configuration.{keys.CALLBACK_URL}",
        "it must be the callbackUrl that the consent page was asked with, letter for letter",
    ),
}
WRONG_CODE = frozenset({"invalid_grant", "invalid_request"})  # another reading of it may be right
_SPENT_CODE = (
    "providerData.code",
    "a code is good once, for minutes, and for one API key: ask for consent again",
)
_SPENT_TOKEN = (
    f"configuration.{keys.REFRESH_TOKEN}",
    "it must be a living refresh token of this API key's application",
)


@dataclass(frozen=True, slots=True)
class Consent:
    """What proves that the account's owner agreed: a code, or (`external`) tokens got elsewhere."""

    code: str = field(default="", repr=False)
    code_verifier: str = field(default="", repr=False)  # PKCE, RFC 7636
    callback_url: str = ""  # that the code was sent to; empty: the configured one
    external: bool = False
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    other_account: bool = False  # one that was not connected before may have given it, too

    @property
    def given(self) -> bool:
        return bool(self.code or self.access_token or self.refresh_token)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants an instance to be; None leaves a part as it is."""

    name: str | None = None
    tags: Sequence[str] | None = None
    element: Element | None = None  # another one that the instance is to be of
    configuration: Mapping[str, str | None] | None = None
    replace_configuration: bool = False
    enabled: bool | None = None
    consent: Consent = field(default_factory=Consent)


def create(
    user: User,
    organization: Organization,
    element: Element,
    wish: Wish,
    *,
    within: Callable[[ElementInstance], None] | None = None,
) -> ElementInstance:
    """Connects an account. The wish must have a name.

    `within` is called in the transaction that stores the instance.

    Raises BadRequest or elements.errors.ConfigurationError naming the path, ApiError when the
    provider refuses, and TransportError when it does not answer.
    """
    if not wish.name:
        raise BadRequest("name is missing")
    if not element.active:
        raise Conflict(f"{element.key} is inactive: no instances can be made of it")
    configuration = keys.merged(element, {}, wish.configuration or {})
    missing = keys.missing_keys(
        element,
        configuration,
        without_callback=wish.consent.external or bool(wish.consent.callback_url),
    )
    keys.require([*missing, *_missing_consent(element, wish.consent)])
    keys.derive(element, configuration)
    destination.require_own(element, configuration)
    granted = _obtain(element, configuration, wish.consent)
    token = new_instance_token()
    instance = ElementInstance(
        organization=organization,
        user=user,
        element_key=element.key,
        name=wish.name,
        tags=list(wish.tags or [wish.name]),
        token=token,
        token_digest=digest(token),
        external_authentication=_authentication(wish.consent),
    )
    with transaction.atomic():
        private.hold(element)
        _fill(instance, element, configuration)
        _settle_problem(instance, element, configuration, granted.scope if granted else "")
        instance.save()
        if granted is not None:
            credential.store(instance, granted)
        instance_saved.send(
            sender=ElementInstance,
            instance=instance,
            created=True,
            reauthenticated=False,
            other_account=False,
        )
        if within is not None:
            within(instance)
    log.info("instance created", instance=instance.pk, element=element.key)
    return instance


def change(
    within: Organization | Reach,
    instance_id: int,
    wish: Wish,
    *,
    first: Callable[[ElementInstance], None] | None = None,
) -> ElementInstance:
    """Changes an instance, and connects it again when the wish has a consent.

    `first` is called in the transaction with the locked row, before it changes.

    Of two writers at once the later one's parts win, each part whole. Raises as `create`, and
    NotFound, account.OtherAccount and account.AccountNotKnown.
    """
    before = find(within, instance_id)
    element = keys.element_of(before)
    if element.fault and (wish.element or wish.configuration is not None or wish.consent.given):
        raise Conflict(element.fault)
    if wish.element is not None:
        _require_akin(before, element, wish.element)
        element = wish.element
    # Checked here with what may take time, and once more on the locked row.
    lost_secrets.replace(before, element, wish.configuration)
    configuration = _wanted(before, element, wish)
    if wish.element is not None or wish.configuration is not None or wish.consent.given:
        without_callback = (
            wish.consent.external
            or bool(wish.consent.callback_url)
            or before.external_authentication == "initial"
        )
        missing = keys.missing_keys(element, configuration, without_callback=without_callback)
        keys.require(lost_secrets.truly_missing(before, element, missing))
        keys.derive(element, configuration)
    _require_secrets(before, element, configuration, wish)
    asks = wish.consent.given or keys.authenticates(element, before, configuration)
    granted = _obtain(element, configuration, wish.consent) if asks else None
    try:
        return _store_change(within, instance_id, element, wish, granted, first)
    except account.OtherAccount:
        if granted is not None:
            _give_up(before, granted)
        raise


def delete(within: Organization | Reach, instance_id: int) -> None:
    """Deletes an instance with all that hangs on it; its token is dead at once.

    In the same transaction it is stored what the provider is to be told: what the rooms above have
    to say, and that the grant is revoked, unless another instance is of the same account: its
    grant would end, too. The worker does that (instances.cleanup). Raises NotFound.
    """
    with transaction.atomic():
        instance = find(within, instance_id, lock=True)
        spent = Credential.objects.filter(instance=instance).first()
        token = lost_secrets.token_to_revoke(spent)
        answers = instance_deleting.send(sender=ElementInstance, instance=instance)
        steps: list[Any] = [answer for _, answer in answers if isinstance(answer, cleanup.Step)]
        element_key = instance.element_key
        gone = copy(instance)
        instance.delete()
        shared = spent is not None and account.is_used_still(spent.account)
        cleanup.plan(gone, steps=steps, revoke="" if shared else token, held=spent)
    log.info("instance deleted", instance=instance_id, element=element_key, shared=shared)


def find(
    within: Organization | Reach,
    instance_id: int,
    *,
    lock: bool = False,
    known: User | None = None,
) -> ElementInstance:
    """An instance within a user's reach; of an organization any one. Raises NotFound otherwise.

    A `known` user is not read again where the instance is this user's.
    """
    reach = within if isinstance(within, Reach) else Reach(within)
    if lock:
        rows = reach.rows(ElementInstance).filter(pk=instance_id)
        # Without "key", so that events of this instance can be stored meanwhile.
        instance = rows.select_for_update(no_key=True, of=("self",)).first()
    else:
        instance = lookup.by_id(reach, instance_id)
    if instance is not None and known is not None and instance.user_id == known.pk:
        relate(instance, "user", known)
    if instance is None:
        raise NotFound(f"No element instance found with id {instance_id}")
    return instance


# --- The steps ---------------------------------------------------------------------------------


def _store_change(
    within: Organization | Reach,
    instance_id: int,
    element: Element,
    wish: Wish,
    granted: grant.Grant | None,
    first: Callable[[ElementInstance], None] | None,
) -> ElementInstance:
    with transaction.atomic():
        instance = find(within, instance_id, lock=True)
        if first is not None:
            first(instance)
        if wish.element is not None:
            private.hold(element)
        else:
            element = keys.element_of(instance)  # somebody may have moved it meanwhile
        lost_secrets.replace(instance, element, wish.configuration)
        configuration = _wanted(instance, element, wish)
        _require_secrets(instance, element, configuration, wish)
        is_another = granted is not None and _is_another(instance, element, configuration, granted)
        if granted is not None and is_another and not wish.consent.other_account:
            account.refuse(granted)
        instance.element_key = element.key
        instance.name = wish.name or instance.name
        instance.tags = instance.tags if wish.tags is None else list(wish.tags)
        instance.enabled = instance.enabled if wish.enabled is None else wish.enabled
        if wish.element is not None or wish.configuration is not None:
            _fill(instance, element, configuration)
        if granted is not None:
            instance.valid = True
            instance.external_authentication = _authentication(wish.consent)
            credential.store(instance, granted)
            reconnect_link.end_all(instance, timezone.now())
        held = Credential.objects.filter(instance=instance).first()
        _settle_problem(instance, element, configuration, held.scope if held else "")
        instance.save()
        instance_saved.send(
            sender=ElementInstance,
            instance=instance,
            created=False,
            reauthenticated=granted is not None,
            other_account=is_another,
        )
    log.info(
        "instance changed",
        instance=instance.pk,
        reauthenticated=granted is not None,
        other_account=is_another,
    )
    return instance


def _is_another(
    instance: ElementInstance,
    element: Element,
    configuration: Mapping[str, str],
    granted: grant.Grant,
) -> bool:
    values = keys.completed(element, configuration)
    return account.is_another(instance, addressed(element, values), values, granted)


def _wanted(instance: ElementInstance, element: Element, wish: Wish) -> dict[str, str]:
    # Of an instance that is connected again, too: what it lacks could not be asked for.
    stored = keys.stored(instance) if wish.consent.given else keys.readable(instance)
    if wish.configuration is None:
        return stored
    return keys.merged(element, stored, wish.configuration, replace=wish.replace_configuration)


def _require_secrets(
    instance: ElementInstance, element: Element, configuration: Mapping[str, str], wish: Wish
) -> None:
    if wish.element is None and wish.configuration is None:
        return
    destination.require_given_again(
        instance,
        keys.element_of(instance),
        element,
        configuration,
        wish.configuration or {},
        consent=wish.consent.given,
    )


def _require_akin(instance: ElementInstance, present: Element, wanted: Element) -> None:
    """What the account was authorized with must not be taken to another provider."""
    configuration = keys.effective(instance)
    here, there = probe.base_url(present, configuration), probe.base_url(wanted, configuration)
    if not wanted.active:
        raise Conflict(f"{wanted.key} is inactive: no instances can be moved to it")
    if grant.endpoints(present) != grant.endpoints(wanted) or here != there:
        raise BadRequest(
            f"element: an instance of {present.name} cannot be moved to {wanted.name}, which is "
            "of another provider or authenticates otherwise"
        )


def _missing_consent(element: Element, consent: Consent) -> list[str]:
    if consent.given or not isinstance(element.authentication, OAuth2):
        return []
    if consent.external:
        return [f"configuration.{keys.USER_TOKEN} or configuration.{keys.REFRESH_TOKEN}"]
    return ["providerData.code"]


def _authentication(consent: Consent) -> str:
    return "initial" if consent.external else "none"


def _fill(instance: ElementInstance, element: Element, configuration: Mapping[str, str]) -> None:
    derived = keys.derive(element, configuration)
    keys.keep(instance, element, configuration)
    instance.events_enabled = derived.events_enabled
    instance.vendor_type = derived.vendor_type
    instance.refresh_interval = derived.refresh_interval


def _obtain(
    element: Element, configuration: Mapping[str, str], consent: Consent
) -> grant.Grant | None:
    """What the provider granted; None where the configuration itself authenticates."""
    if not isinstance(element.authentication, OAuth2):
        session.try_configuration(element, configuration)
        return None
    try:
        values = keys.completed(element, configuration)
        probe.base_url(element, values)  # which must be an address
        at = addressed(element, values)
        granted = _granted(at, values, consent)
    except ProviderError as error:
        spent = _SPENT_CODE if consent.code else _SPENT_TOKEN
        refusals = {"invalid_grant": spent, **REFUSALS}
        if error.reason not in refusals or not 400 <= error.status < 500:
            raise
        path, right = refusals[error.reason]
        raise ApiError(
            error.status,
            f"{path}: refused by the provider ({error.reason}); {right}",
            error.provider_message,
        ) from error
    whose = account.of_grant(at, values, granted.access_token)
    return replace(granted, account=whose.digest, identity=whose.identity)


def _granted(element: Element, configuration: Mapping[str, str], consent: Consent) -> grant.Grant:
    client = grant.Client.of(configuration)
    asked = scopes.asked(element, configuration)
    if consent.code:
        callback_url = consent.callback_url or configuration.get(keys.CALLBACK_URL, "").strip()
        *likelier, last = (
            partial(
                grant.exchange,
                element,
                client,
                code=code,
                callback_url=callback_url,
                scopes=asked,
                code_verifier=consent.code_verifier,
            )
            for code in authorization_code.readings(consent.code)
        )
        for exchange in likelier:
            try:
                return exchange()
            except ProviderError as error:
                if error.reason not in WRONG_CODE:
                    raise
        return last()
    if consent.refresh_token:
        # Renewing at once tells whether the tokens are good, and how long they live.
        return grant.renew(
            element, client, refresh_token=consent.refresh_token, scope=" ".join(asked)
        )
    session.try_token(element, configuration, consent.access_token)
    return grant.brought(consent.access_token, scope=" ".join(asked))


def _settle_problem(
    instance: ElementInstance, element: Element, configuration: Mapping[str, str], granted: str
) -> None:
    """Sets what a person must know about the instance, the gravest first."""
    if not instance.valid:
        return  # says already how the grant was lost
    found: list[tuple[str, str]] = []
    if missing := scopes.missing(element, configuration, granted).sentence():
        found.append((Reason.SCOPE_MISSING, missing))
    if instance.events_enabled and instance.vendor_type == "polling":
        values = keys.completed(element, configuration)
        if not values.get(keys.POLLER_CONFIGURATION, "").strip():
            found.append((Reason.NOTHING_POLLED, _nothing_polled(element)))
    sent = configuration.get(keys.EVENTS_CALLBACK_URL, "").strip()
    if instance.events_enabled and not sent and not keys.are_fetched(configuration):
        nowhere = f"Events are recorded but sent nowhere: {keys.EVENTS_CALLBACK_URL} is not set."
        found.append((Reason.NO_CALLBACK_URL, nowhere))
    instance.reason_code = found[0][0] if found else ""
    instance.problem = " ".join(sentence for _, sentence in found)


def _nothing_polled(element: Element) -> str:
    polled = [one.name for one in element.resources if one.can_be_polled]
    if not polled:
        return f"Nothing is polled: {element.name} has no resource that lists records."
    return (
        f"Nothing is polled: {keys.POLLER_CONFIGURATION} names no resource; name one, such as "
        f"{polled[0]}."
    )


def _give_up(instance: ElementInstance, granted: grant.Grant) -> None:
    """Ends a grant that was given by mistake, unless an instance is of that account."""
    with transaction.atomic():
        if not account.is_used_still(granted.account):
            token = granted.refresh_token or granted.access_token
            cleanup.plan(instance, revoke=token, account=granted.account)
