"""An organization or a user cannot be deleted under a connected account."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import ProtectedError

from accounts.provision import NewOrganization


@pytest.mark.parametrize("owner", ["organization", "user"])
def test_owners_of_an_instance_cannot_be_deleted(
    organization: NewOrganization, connected: dict[str, Any], owner: str
) -> None:
    with pytest.raises(ProtectedError):
        getattr(organization, owner).delete()
