"""What each method of Gmail REST v1 does, once the call is allowed: one module a resource."""

from collections.abc import Callable, Mapping
from typing import Any

from . import drafts, filters, forwarding, labels, mailbox, messages, send_as, settings, threads
from .call import DEFAULT_PAGE, MAX_PAGE, Call

__all__ = ["ACTIONS", "DEFAULT_PAGE", "MAX_PAGE", "Call"]

ACTIONS: Mapping[str, Callable[[Call], dict[str, Any] | None]] = {
    **mailbox.ACTIONS,
    **messages.ACTIONS,
    **threads.ACTIONS,
    **drafts.ACTIONS,
    **labels.ACTIONS,
    **settings.ACTIONS,
    **filters.ACTIONS,
    **forwarding.ACTIONS,
    **send_as.ACTIONS,
}
