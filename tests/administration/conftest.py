from __future__ import annotations

import pytest

from tests.administration.world import World, new_world


@pytest.fixture
def world(db: None) -> World:
    """A row of everything."""
    made = new_world()
    made.fill(1)
    return made
