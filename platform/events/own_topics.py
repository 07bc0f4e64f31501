"""The topics of what the platform itself has to say of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from events.models import Severity

GRANT_LOST = "instance.authorization.lost"
GRANT_REFUSED = "instance.authorization.refused"
GRANT_EXPIRING = "instance.authorization.expiring"
RECONNECTION_WANTED = "instance.authorization.wanted"
POLLING_STALLED = "instance.polling.stalled"
SUBSCRIPTION_FAILING = "subscription.failing"
SUBSCRIPTION_DEACTIVATED = "subscription.deactivated"


@dataclass(frozen=True, slots=True)
class OwnTopic:
    """`says` is the beginning of the notification's message; the instance's name follows.

    `to_receiver`: also to the instance's own URL. `common`: it befalls many accounts together, so
    that their owner is not to get an e-mail for each.
    """

    says: str
    severity: Severity
    to_receiver: bool = True
    common: bool = False


OWN_TOPICS: Mapping[str, OwnTopic] = {
    GRANT_LOST: OwnTopic(
        "the account must be connected again, and is not polled until then", Severity.HIGH
    ),
    GRANT_REFUSED: OwnTopic("its access is not renewed", Severity.HIGH, common=True),
    GRANT_EXPIRING: OwnTopic(
        "the account must be connected again soon, or it will not be polled any more",
        Severity.MEDIUM,
    ),
    RECONNECTION_WANTED: OwnTopic(
        "somebody who operates Periodic asks to have the account connected again",
        Severity.MEDIUM,
        to_receiver=False,
    ),
    POLLING_STALLED: OwnTopic("polling has stalled", Severity.HIGH, common=True),
    SUBSCRIPTION_FAILING: OwnTopic(
        "notifications do not get through", Severity.MEDIUM, to_receiver=False, common=True
    ),
    SUBSCRIPTION_DEACTIVATED: OwnTopic(
        "notifications are not sent any more, but queued", Severity.HIGH, to_receiver=False
    ),
}
