"""An organization that has been used: made by the product's own API and the sandbox's control.

What pages are walked and photographed with: accounts in every state, events that arrived and
events that did not, a private element, and mails that nobody would want to receive.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from tests.browser.site import Member, Site
from tests.patience import PATIENCE

T = TypeVar("T")

HOSTILE = "<script>document.title = 'hostile'</script><img src=x onerror=alert(1)>"
SUBJECTS = (
    "Order 10482: where is it?",
    "Invoice of October",
    "Meeting on Thursday, 10:00",
    "Your quote for 250 pieces",
    "Re: delivery dates of spring",
    "An application, with certificates",
)
LEDGER = {
    "name": "Ledger",
    "hub": "finance",
    "description": "Entries of the books",
    "authentication": {"type": "apiKey", "header": "X-Api-Key"},
    "configuration": [{"key": "base.url", "defaultValue": "https://api.example.com"}],
    "resources": [
        {"method": "GET", "path": "/hubs/finance/entries", "vendorPath": "/v1/entries"},
        {"method": "GET", "path": "/hubs/finance/entries/{id}", "vendorPath": "/v1/entries/{id}"},
    ],
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Whose it is, and what parts of addresses stand for: `address["instance_id"]`.

    `address_of` has what stands for something else in the address of one page, by its name.
    """

    member: Member
    address: dict[str, str]
    address_of: dict[str, dict[str, str]]


def make(site: Site, member: Member) -> Sample:
    member.call("POST", "/elements", LEDGER)
    inbox = site.inbox(member)
    sales = _mailbox(site, member, "Sales inbox", "sales@example.com", inbox, ["production"])
    for subject in (*SUBJECTS, HOSTILE):
        site.control.deliver("sales@example.com", subject=subject, sender="shop@example.com")
        _poll(member, sales)
    poisoned = site.control.deliver("sales@example.com", subject="Cannot be read")
    site.control.poison(poisoned["id"], "sales@example.com")
    _poll(member, sales)

    support = _mailbox(site, member, "Support inbox", "support@example.com", inbox, ["production"])
    site.control.revoke("support@example.com")
    with suppress(AssertionError):  # where the worker has found it out before: 409
        _poll(member, support)
    _mailbox(site, member, "Billing inbox", "billing@example.com", "", ["staging"])
    archive = _mailbox(site, member, "Archive", "archive@example.com", "", [])
    member.call("DELETE", f"/instances/{archive}/enabled")

    events = member.call("GET", f"/instances/{sales}/events")
    event = events[0]["id"]
    deliveries = member.call("GET", f"/instances/{sales}/events/{event}/deliveries")
    arrived = until(lambda: re.search(r'href="/inbox/(\d+)"', member.page(f"{site.url}/inbox")))
    link = member.call("POST", f"/instances/{support}/reconnect-link")["url"]
    address = {
        "instance_id": str(sales),
        "event_id": str(event),
        "delivery_id": str(deliveries[0]["id"]),
        "token": link.rpartition("/")[2],
        "element_key": "gmail",
        "job_id": str(_bulk_job(member, sales)),
        "kind": "csv",
    }
    reset = {"uidb64": member.reset_name, "token": member.reset_token}
    return Sample(
        member, address, {"new-password": reset, "inbox-delivery": {"delivery_id": arrived[1]}}
    )


def _mailbox(
    site: Site, member: Member, name: str, mailbox: str, callback: str, tags: list[str]
) -> int:
    """Its events are on where there is a callback."""
    instance = site.connect(
        member,
        name,
        mailbox=mailbox,
        **{
            "event.notification.enabled": bool(callback),
            "event.notification.callback.url": callback,
        },
    )
    if tags:
        member.call("PATCH", f"/instances/{instance}", {"tags": tags})
    return instance


def until(happened: Callable[[], T | None]) -> T:
    """What it gives once there is something."""
    deadline = time.monotonic() + PATIENCE
    while (found := happened()) is None:
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)
    return found


def _bulk_job(member: Member, instance: int) -> int:
    token = member.call("GET", f"/instances/{instance}")["token"]
    query = {"q": "select * from messages"}
    return int(member.call("POST", "/bulk/query", query, token=token)["id"])


def _poll(member: Member, instance: int) -> None:
    member.call("POST", f"/instances/{instance}/polls")
