from __future__ import annotations

import base64
import os
from collections.abc import Callable

import pytest

from accounts.provision import create_organization
from instances.models import ElementInstance


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
