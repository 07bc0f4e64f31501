"""Connects mailboxes of the sandbox as customers do: by the API, events on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rest_framework.test import APIClient

from accounts.provision import create_organization
from integrations.gmail.sandbox.control_client import SandboxControl
from tests.end_to_end.line import Line
from tests.events.receiver import Receiver
from tests.proof.trouble import Mailbox

EVERY = 1  # minutes between two polls
ORDERED = 3  # each so manieth mailbox is told of in order


def connected(
    control: SandboxControl, receiver: Receiver, counts: Sequence[int]
) -> Iterator[Mailbox]:
    """An organization for each number, with as many mailboxes; each instance has the address as
    its name."""
    for number, count in enumerate(counts, start=1):
        new = create_organization(f"Organization {number}", f"user{number}@example.com")
        api = APIClient()
        api.credentials(
            HTTP_AUTHORIZATION=f"User {new.user_secret}, Organization {new.organization_secret}"
        )
        for place in range(1, count + 1):
            address = f"mailbox{number}.{place}@example.com"
            control.create_mailbox(address)
            line = Line(api, control, receiver, address)
            ordered = place % ORDERED == 0
            asked = {"event.poller.refresh_interval": str(EVERY)}
            line.connect({**asked, "event.notification.ordered": ordered}, name=address)
            yield Mailbox(address, ordered)
