"""An organization's inbox behind a web server on a socket, and an instance that delivers to it."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from events.subscription import origin_of
from inbox.addresses import inbox_url
from instances.models import ElementInstance
from tests.events.found import new_instance


@pytest.fixture
def served(settings: Settings, live_server: LiveServer) -> None:
    """The platform on a socket at its PUBLIC_URL, which is loopback: closed to everybody."""
    settings.PUBLIC_URL = live_server.url
    settings.ALLOWED_PRIVATE_NETWORKS = []


@pytest.fixture
def instance(db: None) -> ElementInstance:
    """One with a signature key that delivers to its organization's inbox."""
    made = new_instance(url="http://127.0.0.1/")
    url = inbox_url(made.organization.default_account)
    made.subscription.url, made.subscription.origin = url, origin_of(url)
    made.subscription.save()
    return made
