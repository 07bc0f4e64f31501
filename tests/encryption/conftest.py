from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from accounts.provision import create_organization
from elements import private
from instances.models import ElementInstance
from tests.events.receiver import Receiver


@pytest.fixture
def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def new_instance(db: None) -> Callable[[str], ElementInstance]:
    """Makes an instance with that token: its model has encrypted columns."""
    owner = create_organization("An organization", "encrypted@example.com")

    def make(token: str) -> ElementInstance:
        return ElementInstance.objects.create(
            organization=owner.organization,
            user=owner.user,
            element_key="gmail",
            name="A mailbox",
            token=token,
            token_digest=os.urandom(32).hex(),
        )

    return make


@pytest.fixture
def lose_key(settings: Settings, new_key: str) -> Callable[[], None]:
    """Puts another encryption key in the place of those that sealed what is stored."""

    def lost() -> None:
        settings.PERIODIC_ENCRYPTION_KEYS = [new_key]
        private.forget_read()

    return lost


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    receiver = Receiver()
    yield receiver
    receiver.close()
