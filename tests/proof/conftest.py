"""The customer of a test."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.proof.customer import Customer


@pytest.fixture
def customer() -> Iterator[Customer]:
    customer = Customer(random.Random(1))  # noqa: S311 - replies, not secrets
    yield customer
    customer.receiver.close()
