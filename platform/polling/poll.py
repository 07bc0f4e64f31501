"""One poll of one claimed resource: drives its change feed and says how that ended.

Nothing is written here: commit.py stores an outcome, or drops it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import structlog
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from elements import catalogue, feed, poller
from elements.calls import Changes, PollCall, PollerEntry, Unfetched
from elements.errors import ConfigurationError, ElementNotFound
from elements.types import Element, OAuth2, Resource
from encryption.fields import context_of
from encryption.keys import UnsealError, unseal
from instances import configuration, probe, session
from instances.credential import CredentialAuthorizer
from instances.models import ElementInstance
from polling import reconciliation, untold
from polling.claim import ClaimedResource
from polling.put_aside import due_put_aside
from polling.seen import known_objects
from quota.meter import AccountMeter, Subject, payer, whose_project
from transport.asynchronous import AsyncRunner
from transport.errors import NotNow, ProviderError, TransportError
from transport.shares import on_behalf_of
from transport.types import Account, ListedObjects, Question, Steps

LONGEST_POLL = 80.0  # seconds; a poll that takes longer has failed
AT_ONCE = timedelta(seconds=1)  # from when a resource is to be polled until its first poll
LONGEST_ERROR = 1000  # characters that we keep
LONGEST_PATH = 200  # characters of one that is told

log = structlog.get_logger()


class Cost(NamedTuple):
    """What a poll cost of the provider's quota; `day` is the provider's, None without a quota."""

    units: int = 0
    day: date | None = None


FREE = Cost()


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The feed answered. `asked` are the put-aside objects that it was to fetch.

    `cut_short` says that it got no further than to a checkpoint; the next poll goes on from there
    after `pause` seconds.
    """

    resource: ClaimedResource
    started_at: datetime
    changes: Changes
    asked: tuple[Unfetched, ...] = ()
    cost: Cost = FREE
    cut_short: bool = False
    pause: float = 0.0

    @property
    def left_out(self) -> str:
        """What the row keeps of what was left out: a digest, or the one before of nothing."""
        return untold.digest_of(self.changes.filtered) or self.resource.left_out

    @property
    def behind_since(self) -> datetime | None:
        """What the row keeps of when all had been read, as long as there is more to read."""
        if not self.changes.more:
            return None
        before = self.resource.behind_since or self.resource.last_success_at
        return before or self.resource.watched_since or self.started_at

    @property
    def idle(self) -> bool:
        """Whether there is nothing to store but the times and the cursor."""
        found = self.changes
        return not (
            found.changes
            or found.unfetched
            or found.missing
            or found.unchanged
            or found.gap
            or found.more
            or found.noticed
            or found.forgotten
            or found.note != self.resource.note
            or self.left_out != self.resource.left_out
            or found.picture is not None
            or found.reconciliation is not None
            or self.asked
            or self.resource.behind_since is not None
            or self.resource.cursor is None
        )


@dataclass(frozen=True, slots=True)
class Failed:
    """The feed did not answer. `retry_after` (seconds) is what the provider asked for."""

    resource: ClaimedResource
    started_at: datetime
    error: str
    retry_after: float | None = None
    cost: Cost = FREE


@dataclass(frozen=True, slots=True)
class PutOff:
    """Nothing was polled, by no fault of the provider's: `reason` says why not now, as where its
    quota has no units left. `wait` is in seconds."""

    resource: ClaimedResource
    started_at: datetime
    wait: float
    cost: Cost = FREE
    reason: str = ""

    @property
    def error(self) -> str:
        return f"{self.reason}: the poll is put off until then"


Outcome: TypeAlias = Succeeded | Failed | PutOff


class NotPollableError(Exception):
    """The resource cannot be polled as it is stored. The message is fit for a customer."""


class Poller:
    """Polls one resource at a time, any number of them side by side, through one runner.

    What it has looked up of the elements serves for its lifetime, which is one engine's run.
    """

    def __init__(self, runner: AsyncRunner) -> None:
        self._runner = runner
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._private: dict[tuple[int, str, str, str], Feed] = {}
        self._looking_up = asyncio.Lock()

    async def poll(self, resource: ClaimedResource) -> Outcome:
        """Polls once, and keeps what a poll that cannot be ended has found until its last
        checkpoint.

        Raises nothing but its own cancellation and the errors of a lost database.
        """
        started_at = timezone.now()
        progress = Progress(started_at)
        try:
            async with asyncio.timeout(LONGEST_POLL):
                return await self._poll(resource, started_at, progress)
        except NotNow as error:
            put_off = PutOff(resource, started_at, error.retry_after, progress.cost, str(error))
            return progress.kept(put_off, error.retry_after)
        except (NotPollableError, ElementNotFound, ConfigurationError) as error:
            reason, retry_after = str(error), None
        except ProviderError as error:
            reason, retry_after = str(error), error.retry_after
        except TransportError as error:
            reason, retry_after = str(error) or type(error).__name__, None
        except TimeoutError:
            reason, retry_after = progress.took_too_long(), None
        except UnsealError:
            log.exception("poll.token_sealed", resource=resource.id)
            reason, retry_after = "the stored access token cannot be decrypted", None
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # a faulty connector must not stop the others
            log.exception("poll.connector_failed", resource=resource.id)
            reason, retry_after = f"the connector failed: {type(error).__name__}", None
        reason = reason[:LONGEST_ERROR]
        failed = Failed(resource, started_at, reason, retry_after, progress.cost)
        return progress.kept(failed, retry_after or 0.0)

    async def _poll(
        self, resource: ClaimedResource, started_at: datetime, progress: Progress
    ) -> Outcome:
        feed = self._feeds.get((resource.element_key, resource.name))
        if feed is None:
            feed = await self._look_up(resource)
        if feed.asks_instance:
            account, settings = await sync_to_async(feed.as_configured)(resource)
        else:
            account, settings = feed.as_claimed(resource)
        progress.meter = feed.meter(resource)
        progress.reads_whole = feed.reads_whole(resource)
        account = replace(
            account,
            meter=progress.meter,
            moved=progress.moved,
            limit_codes=feed.element.limit_codes,
        )
        asked: tuple[Unfetched, ...] = ()
        if resource.put_aside_due_at is not None and resource.put_aside_due_at <= started_at:
            asked = await sync_to_async(due_put_aside)(resource.id, started_at)
            progress.asked = asked
        call = PollCall(
            entry=poller_entry(resource.name, resource.entry),
            cursor=resource.cursor,
            started_at=started_at,
            configuration=settings,
            caught_up_at=resource.behind_since or resource.last_success_at,
            watched_since=watched_since(resource, started_at),
            unfetched=asked,
            reconciliation=reconciliation.read(resource.reconciliation),
        )

        async def known(question: Question) -> Mapping[str, Any]:
            if isinstance(question, ListedObjects):
                return await sync_to_async(reconciliation.listed_objects)(resource.id, question)
            return await sync_to_async(known_objects)(resource.id, question)

        with on_behalf_of(resource.organization_id):
            changes = await self._runner.run(
                feed.changes(call), account, known=known, reached=progress.reached
            )
        if not isinstance(changes, Changes) or not changes.cursor:
            raise NotPollableError("the connector failed: it gave no cursor")
        return Succeeded(resource, started_at, progress.noted(changes), asked, progress.cost)

    async def _look_up(self, resource: ClaimedResource) -> Feed:
        """The feed of an element that hasn't been polled yet, or that is private."""
        key, name = resource.element_key, resource.name
        url = poller_entry(name, resource.entry).url
        if catalogue.is_built_in(key):
            polled = poller.polled_by(catalogue.find(key), name, url)
            name = name if polled is None else polled.name
            feed = self._feeds.get((key, name))
            if feed is None:
                feed = self._feeds[key, name] = Feed.of(key, name, url)
            return feed
        async with self._looking_up:  # of many that want the same one, one asks
            own = (resource.organization_id, key, name, url)
            feed = self._private.get(own)
            if feed is None:
                feed = await sync_to_async(Feed.of)(key, name, url, resource.organization_id)
                self._private[own] = feed
            return feed


def watched_since(resource: ClaimedResource, started_at: datetime) -> datetime | None:
    """Return since when changes are news; None for a first poll that came at once, so that there
    is nothing to look for before it."""
    since = resource.watched_since
    if resource.cursor is None and not resource.failures and since is not None:
        return None if started_at - since < AT_ONCE else since
    return since


@dataclass(slots=True)
class Progress:
    """How far a poll has come, and what it has cost so far."""

    started_at: datetime
    meter: AccountMeter | None = None
    asked: tuple[Unfetched, ...] = ()
    changes: Changes | None = None  # of the last checkpoint
    reads_whole: bool = False
    out_of_time: bool = False
    redirect: str = ""  # the first one, as people are told of it

    def moved(self, before: str, after: str) -> None:
        self.redirect = self.redirect or (
            f"the provider has moved {before[:LONGEST_PATH]} to {after[:LONGEST_PATH]}, which is "
            "read now: where something was renamed, configure its new name"
        )

    def noted(self, changes: Changes) -> Changes:
        """Return the changes with a note of the redirect, beside the feed's own."""
        if not self.redirect:
            return changes
        notes = [note for note in (self.redirect, changes.note) if note]
        return replace(changes, note="; ".join(notes))

    def took_too_long(self) -> str:
        """Says why a poll was ended, and where only a person can help, what does."""
        self.out_of_time = True
        reason = f"the poll took longer than {LONGEST_POLL:g} s"
        if not self.reads_whole:
            return reason
        return (
            f"{reason}, before it came to a page of the listing that the next one could go on "
            "from: let its url list less (where, another pageSize), or poll it by dates "
            "(datesConfiguration)"
        )

    def reached(self, changes: Changes) -> None:
        self.changes = changes

    def kept(self, outcome: Failed | PutOff, pause: float) -> Outcome:
        """What was found before `outcome` ended the poll, if that gets anywhere; else `outcome`.

        The next poll, after `pause` seconds, meets what ended this one, and says so.
        """
        found, resource = self.changes, outcome.resource
        if found is None or not moves(found, resource):
            return outcome
        if self.reads_whole and isinstance(outcome, Failed) and not self.out_of_time:
            return outcome  # a listing is judged by no part of it, unless it is too long
        log.info("poll.cut_short", resource=resource.id, error=outcome.error)
        if pause:
            found = replace(
                found,
                unfetched=tuple(
                    one if one.error or one.retry_after else replace(one, retry_after=pause)
                    for one in found.unfetched
                ),
            )
        found = replace(self.noted(found), more=True)
        return Succeeded(
            resource, self.started_at, found, self.asked, self.cost, cut_short=True, pause=pause
        )

    @property
    def cost(self) -> Cost:
        if self.meter is None:
            return FREE
        return Cost(self.meter.used, self.meter.day(self.started_at))


def moves(found: Changes, resource: ClaimedResource) -> bool:
    """Whether storing it leaves less to do for the next poll."""
    return bool(
        found.cursor != resource.cursor
        or found.changes
        or found.missing
        or found.unchanged
        or found.reconciliation != reconciliation.read(resource.reconciliation)
    )


@dataclass(frozen=True, slots=True)
class Feed:
    """What is polled, at which address, and with which configuration where nothing is set.

    `asks_instance`: the claimed row doesn't have what the account authenticates with, or all that
    a private element may be configured with.
    """

    element: Element
    changes: Callable[[PollCall], Steps[Changes]]
    base_url: str
    defaults: Mapping[str, str]
    asks_instance: bool
    whose_project: str = ""  # where the instance names none
    resource: Resource | None = None

    @classmethod
    def of(cls, element_key: str, name: str, url: str, organization_id: int | None = None) -> Feed:
        """A query for a private element. Raises ElementNotFound or NotPollableError.

        `name` and `url` are those of an entry of event.poller.configuration.
        """
        element = catalogue.find(element_key, organization_id)
        if element.fault:
            raise NotPollableError(element.fault)
        resource = poller.polled_by(element, name, url)
        changes = None if resource is None else feed.feed_of(resource)
        if changes is None:
            raise NotPollableError(f"{element.name} has no resource {name} that can be polled")
        asks_instance = element.private or not isinstance(element.authentication, OAuth2)
        return cls(
            element,
            changes,
            "" if asks_instance else catalogue.address(element.base_url),
            configuration.defaults(element),
            asks_instance,
            "" if element.quota is None else whose_project(element),
            resource,
        )

    def reads_whole(self, resource: ClaimedResource) -> bool:
        """Whether it lists: then only what takes too long is told of in parts."""
        if self.resource is None:
            return False
        entry = poller_entry(resource.name, resource.entry)
        return self.resource.changes is None and not feed.goes_by_cursor(
            self.resource, entry.url, entry.options
        )

    def meter(self, resource: ClaimedResource) -> AccountMeter | None:
        """Pays for one poll."""
        quota = self.element.quota
        if quota is None:
            return None
        subject = Subject(
            resource.organization_id,
            resource.instance_id,
            resource.application,
            resource.account or "",
        )
        return AccountMeter(payer(quota, self.whose_project, subject, polls=True))

    def as_claimed(self, resource: ClaimedResource) -> tuple[Account, Mapping[str, str]]:
        """The account and its configuration without secrets, without a query."""
        authorizer = _authorizer(resource)
        return Account(self.base_url, authorizer), {
            **self.defaults,
            **_parsed(resource.configuration),
        }

    def as_configured(self, resource: ClaimedResource) -> tuple[Account, Mapping[str, str]]:
        """The account and its whole configuration, read from the instance."""
        instance = ElementInstance.objects.filter(pk=resource.instance_id).first()
        if instance is None:
            raise NotPollableError("the element instance was deleted")
        settings = {**self.defaults, **configuration.stored(instance)}
        if not isinstance(self.element.authentication, OAuth2):
            return session.configured_account(self.element, settings), settings
        address = probe.base_url(self.element, settings)
        return Account(address, _authorizer(resource)), settings


def _authorizer(resource: ClaimedResource) -> CredentialAuthorizer:
    if resource.credential_id is None or resource.access_token is None:
        raise NotPollableError("the account was never authorized: connect it again")
    token = unseal(
        resource.access_token,
        context_of("instances_credential", resource.credential_id, "access_token"),
    )
    return CredentialAuthorizer(resource.credential_id, token)


# Most instances are configured alike: what is parsed once serves them all.


@lru_cache(maxsize=1024)
def poller_entry(name: str, entry: str) -> PollerEntry:
    """The stored JSON of an entry as the feed takes it."""
    options = json.loads(entry)
    url, id_field = options.pop("url", ""), options.pop("idField", "")
    return PollerEntry(name=name, url=url, id_field=id_field, options=options)


@lru_cache(maxsize=1024)
def _parsed(stored: str) -> Mapping[str, str]:
    parsed: dict[str, str] = json.loads(stored)
    return parsed
