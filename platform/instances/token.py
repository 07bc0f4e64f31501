"""The token of an instance: what the Element pair of the Authorization header holds."""

from __future__ import annotations

import hmac

from accounts.secret import digest
from instances.models import ElementInstance

NO_DIGEST = "0" * 64  # compared with where no row was found


def find_by_token(token: str) -> ElementInstance | None:
    """The instance whose token this is, enabled or not."""
    wanted = digest(token)
    instance = ElementInstance.objects.filter(token_digest=wanted).first()
    found = instance.token_digest if instance is not None else NO_DIGEST
    return instance if hmac.compare_digest(found, wanted) else None
