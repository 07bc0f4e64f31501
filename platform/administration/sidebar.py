"""The admin's pages in groups, as an operator looks for them; each sees what he may open."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse


class Link(NamedTuple):
    title: str
    icon: str  # of Material Symbols
    model: str  # app and model


GROUPS: dict[str, tuple[Link, ...]] = {
    "Instances": (
        Link("Instances", "electrical_services", "instances.elementinstance"),
        Link("Credentials", "key", "instances.credential"),
        Link("Watches", "notifications_active", "watching.instancewatch"),
        Link("Bulk jobs", "download", "bulk.bulkjob"),
        Link("Errands", "checklist", "administration.errand"),
    ),
    "Polling": (
        Link("Polled resources", "autorenew", "polling.pollingresource"),
        Link("Poll runs", "history", "polling.pollrun"),
        Link("Put aside", "inventory_2", "polling.putasideobject"),
        Link("Quota buckets", "speed", "quota.quotabucket"),
    ),
    "Events": (
        Link("Events", "bolt", "events.event"),
        Link("Subscriptions", "rss_feed", "events.subscription"),
        Link("Deliveries", "send", "events.delivery"),
        Link("Attempts", "repeat", "events.deliveryattempt"),
        Link("Endpoints", "dns", "events.endpoint"),
        Link("Refused webhooks", "block", "events.refusedwebhook"),
    ),
    "Worker": (
        Link("Schedules", "schedule", "django_q.schedule"),
        Link("Queued tasks", "queue", "django_q.ormq"),
        Link("Successful tasks", "task_alt", "django_q.success"),
        Link("Failed tasks", "error", "django_q.failure"),
    ),
    "People": (
        Link("Organizations", "domain", "accounts.organization"),
        Link("Accounts", "account_tree", "accounts.account"),
        Link("Users", "person", "accounts.user"),
        Link("Roles", "shield_person", "auth.group"),
        Link("Audit log", "policy", "audit.auditentry"),
    ),
}


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's SIDEBAR navigation."""
    first = {
        "title": None,
        "items": [{"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}],
    }
    found = [
        {"title": title, "items": [_item(one) for one in links if _sees(request, one)]}
        for title, links in GROUPS.items()
    ]
    return [first, *(group for group in found if group["items"])]


def _item(link: Link) -> dict[str, Any]:
    app, model = link.model.split(".")
    return {
        "title": link.title,
        "icon": link.icon,
        "link": reverse(f"admin:{app}_{model}_changelist"),
    }


def _sees(request: HttpRequest, link: Link) -> bool:
    app, model = link.model.split(".")
    return request.user.has_perm(f"{app}.view_{model}")
