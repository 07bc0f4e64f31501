from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Organization, User
from accounts.provision import create_organization
from instances.models import Credential, ElementInstance
from instances.signals import instance_saved
from polling import dry_run, engine, poll_now
from polling.models import PollingResource
from transport.asynchronous import AsyncRunner

from .ledger import Ledger, LedgerServer
from .shelf import ShelfServer

Connect = Callable[..., ElementInstance]
MINUTE = 60  # seconds
NUMBERS = count(1)


@pytest.fixture(autouse=True)
def _elements_of_these_tests(settings: Any) -> None:
    settings.INTEGRATIONS_DIRS = [str(Path(__file__).parent / "elements")]
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture(autouse=True)
def _no_waiting_for_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_pause(seconds: float) -> None:
        return None

    quick = partial(AsyncRunner, sleep=no_pause)
    monkeypatch.setattr(engine, "AsyncRunner", quick)
    monkeypatch.setattr(poll_now, "AsyncRunner", quick)
    careful = partial(dry_run.RunnerWithoutTraces, sleep=no_pause)
    monkeypatch.setattr(dry_run, "RunnerWithoutTraces", careful)


@pytest.fixture
def provider(settings: Any) -> Iterator[LedgerServer]:
    with LedgerServer().running() as server:
        settings.LEDGER_API_BASE_URL = server.url
        yield server


@pytest.fixture
def shelves(settings: Any) -> Iterator[ShelfServer]:
    with ShelfServer().running() as server:
        settings.SHELF_API_BASE_URL = server.url
        yield server


@pytest.fixture
def organization(db: None) -> Organization:
    return new_organization()


def new_organization() -> Organization:
    number = next(NUMBERS)
    return create_organization(f"Org {number}", f"user{number}@example.com").organization


@pytest.fixture
def connect(organization: Organization) -> Connect:
    """Makes an instance of the ledger element; the access token names its ledger."""

    def connected(
        account: str = "ledger",
        *,
        organization: Organization = organization,
        configuration: dict[str, str] | None = None,
        **columns: Any,
    ) -> ElementInstance:
        user = User.objects.filter(organization=organization).first()
        instance = ElementInstance(
            organization=organization,
            user=user,
            element_key="ledger",
            name=f"instance {account}",
            tags=["test"],
            token=f"token of {account}",
            token_digest=f"digest of {account}",
            configuration=configuration or {},
            **{"events_enabled": True, "refresh_interval": 1, **columns},
        )
        instance.save()
        Credential(instance=instance, access_token=account).save()
        saved(instance, created=True)
        return instance

    return connected


def connect_shelf(
    organization: Organization, key: str, poller: dict[str, Any], **configuration: str
) -> ElementInstance:
    """Makes an instance of the shelf element, which authenticates by an API key."""
    instance = ElementInstance(
        organization=organization,
        user=User.objects.filter(organization=organization).first(),
        element_key="shelf",
        name=f"shelf {key}",
        token=f"token of {key}",
        token_digest=f"digest of {key}",
        configuration={"event.poller.configuration": json.dumps(poller), **configuration},
        secrets=json.dumps({"api.key": key}),
        events_enabled=True,
        refresh_interval=1,
    )
    saved(instance, created=True)
    return instance


def saved(
    instance: ElementInstance, *, created: bool = False, reauthenticated: bool = False
) -> None:
    """Stores the instance and tells so, as instances.provision does."""
    with transaction.atomic():
        instance.save()
        instance_saved.send(
            sender=ElementInstance,
            instance=instance,
            created=created,
            reauthenticated=reauthenticated,
        )


@pytest.fixture
def ledger(provider: LedgerServer) -> Ledger:
    return provider.ledgers["ledger"]


@pytest.fixture
def resource(connect: Connect, ledger: Ledger) -> PollingResource:
    """The one polled resource of a connected instance, started: its cursor says "now"."""
    instance = connect("ledger")
    poll_now.start_new(instance.pk)
    return PollingResource.objects.get(instance=instance)
