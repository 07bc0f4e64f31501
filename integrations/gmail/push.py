"""Push: Gmail tells a Cloud Pub/Sub topic that a mailbox has changed, and Pub/Sub tells us.

https://developers.google.com/workspace/gmail/api/guides/push
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from elements.calls import WatchCall, Watched
from elements.types import ConfigurationField, Setting
from elements.webhooks import IdToken, Notices, Watch
from integrations.gmail.units import UNITS
from transport.errors import MalformedAnswer
from transport.types import Request, Steps

TOPIC = "event.vendor.push.topic"
KEYS_URL = Setting("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs")
LONGEST_DATA = 10_000  # characters

FIELD = ConfigurationField(
    TOPIC,
    "Cloud Pub/Sub topic",
    description="The topic that Gmail tells of changes, in the Google project of the API key; "
    "without one the mailbox is only polled",
    pattern=r"projects/[^/\s]{1,100}/topics/[^/\s]{3,255}",
    display_order=107,
    right="the full name of a topic, such as projects/my-project/topics/gmail",
)


def wanted(configuration: Mapping[str, str]) -> bool:
    return bool(configuration.get(TOPIC, "").strip())


def start(call: WatchCall) -> Steps[Watched]:
    """Begins or renews: the call for it is the same. Google keeps one topic a mailbox and project,
    and wants the other one stopped first."""
    topic = call.configuration[TOPIC].strip()
    profile = yield Request(
        "GET",
        "/gmail/v1/users/me/profile",
        {"fields": "emailAddress"},
        units=UNITS["getProfile"],
    )
    address = str(profile.object().get("emailAddress", ""))
    if call.state.get("topic", topic) != topic:
        yield from stop(call)
    response = yield Request(
        "POST", "/gmail/v1/users/me/watch", json={"topicName": topic}, units=UNITS["watch"]
    )
    answer = response.object()
    return Watched(
        state={"topic": topic, "historyId": str(answer.get("historyId", ""))},
        expires_at=_moment(answer.get("expiration")),
        account=address,
    )


def stop(call: WatchCall) -> Steps[None]:
    """Google answers alike where nothing was watched."""
    response = yield Request("POST", "/gmail/v1/users/me/stop", units=UNITS["stop"])
    response.raise_for_status()


def _moment(milliseconds: Any) -> datetime:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise MalformedAnswer("the answer to users.watch has no usable expiration") from error


def account_of(body: Any) -> str:
    """The mailbox's address, from the body of a push subscription's request:
    `{"message": {"data": base64 of {"emailAddress": …, "historyId": …}, …}, …}`.
    """
    message = body.get("message") if isinstance(body, dict) else None
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, str) or len(data) > LONGEST_DATA:
        return ""
    plain = data.replace("-", "+").replace("_", "/")  # Gmail's guide shows the URL's alphabet
    try:
        told = json.loads(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return ""
    address = told.get("emailAddress") if isinstance(told, dict) else None
    return address.strip() if isinstance(address, str) else ""


WATCH = Watch(
    start,
    stop,
    wanted,
    renew_after=timedelta(days=1),  # it ends after seven
    notices=Notices(
        token=IdToken(
            keys=KEYS_URL,
            issuers=("https://accounts.google.com", "accounts.google.com"),
            audience="GMAIL_PUSH_AUDIENCE",
            emails="GMAIL_PUSH_SERVICE_ACCOUNT",
        ),
        account=account_of,
        resources=("changed-messages",),
    ),
    of_account=True,
    operator={TOPIC: "GMAIL_PUBSUB_TOPIC"},
)
