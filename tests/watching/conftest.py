from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.provision import NewOrganization
from elements import catalogue
from instances import provision
from instances.models import ElementInstance
from tests.watching.hooks import HooksServer
from transport.limits import Limits
from watching import keep

Connect = Callable[..., ElementInstance]
ON = {"event.notification.enabled": "true", "event.vendor.type": "webhooks"}


@pytest.fixture
def provider(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[HooksServer]:
    settings.INTEGRATIONS_DIRS = [str(Path(__file__).parent / "elements")]
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    settings.PUBLIC_URL = "https://periodic.example"
    monkeypatch.setattr(keep, "LIMITS", Limits(total=2.0, attempts=1))
    with HooksServer().running() as server:
        settings.HOOKS_API_BASE_URL = server.url
        yield server


@pytest.fixture
def connect(organization: NewOrganization, provider: HooksServer) -> Connect:
    """Connects an account of the element `hooks`, watched unless the configuration says no."""

    def connected(**configuration: str) -> ElementInstance:
        own = {"api.key": "the-key", "hooks.project": "apollo", **ON, **configuration}
        return provision.create(
            organization.user,
            organization.organization,
            catalogue.find("hooks"),
            provision.Wish(name="Hooks", configuration=own),
        )

    return connected


@pytest.fixture
def change(organization: NewOrganization) -> Connect:
    """Changes an instance: change(instance, configuration={…}, enabled=…)."""

    def changed(instance: ElementInstance, **wish: Any) -> ElementInstance:
        return provision.change(organization.organization, instance.pk, provision.Wish(**wish))

    return changed
