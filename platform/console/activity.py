"""The page of everything that happens in the organization, and of who did what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.api.authority import Authority, authority_for
from accounts.models import User
from accounts.reach import Reach
from audit.models import AuditEntry, Source
from console import feed
from console.instance.named import named
from console.members import for_members
from console.paging import number
from console.place import Place
from events.own_topics import OWN_TOPICS

PAGE = 50  # things on a page
MOST_PEOPLE = 200  # to choose from
LONGEST_TEXT = 300  # characters of an error


@require_safe
@for_members
def activity(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    authority = authority_for(user, reach.organization)
    given = {name: text.replace("\0", "").strip() for name, text in request.GET.dict().items()}
    asked, faults = _asked(authority, given)
    found = feed.read(authority, asked, PAGE)
    chosen = {name: given[name] for name in FILTERS if given.get(name)}
    older = {**chosen, "before": str(found.more)} if found.more else None
    context = {
        "kinds": feed.KINDS,
        "people": feed.people_within(authority).order_by("username")[:MOST_PEOPLE],
        "given": given,
        "chosen": chosen,
        "faults": faults,
        "lines": [_line(one, found) for one in found.happenings],
        "older": urlencode(older) if older else "",
        "newest": urlencode(chosen),
        "first": asked.below is None,
    }
    return render(request, "console/activity.html", context)


THROUGH: Mapping[str, str] = {
    Source.CONSOLE: "In the console",
    Source.API: "Over the API",
    Source.ADMIN: "In the admin",
    Source.SERVER: "On the server",
}
FILTERS = ("kind", "instance", "person", "from", "to")


def _asked(authority: Authority, given: Mapping[str, str]) -> tuple[feed.Asked, dict[str, str]]:
    """What the filters ask for, and which of them cannot be read."""
    faults: dict[str, str] = {}
    kind, instance = given.get("kind", ""), given.get("instance", "")
    since, until = _day(given, "from", faults), _day(given, "to", faults)
    asked = feed.Asked(
        kinds=(kind,) if kind in feed.KINDS else tuple(feed.KINDS),
        instances=named(authority.reach, instance) if instance else None,
        person=number(given.get("person", "")),
        since=since,
        until=until + timedelta(days=1) if until else None,
        below=Place.read(given.get("before", "")),
    )
    return asked, faults


def _day(given: Mapping[str, str], name: str, faults: dict[str, str]) -> datetime | None:
    """The beginning of a day, in UTC."""
    text = given.get(name, "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        faults[name] = "must be a day such as 2026-01-31"
        return None
    if not 1970 <= day.year < 9000:
        faults[name] = "must be a day such as 2026-01-31"
        return None
    return datetime.combine(day, time(), UTC)


# --- One line of the page ------------------------------------------------------------------------


def _line(one: feed.Happening, found: feed.Feed) -> dict[str, Any]:
    """What the template shows: each kind has its own words there."""
    line: dict[str, Any] = {"kind": one.kind, "at": one.place.at, "row": one.row}
    if one.kind == "events":
        topic = OWN_TOPICS.get(one.row.topic)
        return {**line, "instance": one.row.instance, "says": topic.says if topic else ""}
    if one.kind == "failures":
        return {**line, "instance": one.row.event.instance}
    if one.kind == "polls":
        error = one.row.error[:LONGEST_TEXT]
        return {**line, "instance": one.row.resource.instance, "error": error}
    return {**line, **_told(one.row, found)}


def _told(entry: AuditEntry, found: feed.Feed) -> dict[str, Any]:
    return {
        "who": _person(entry.user_id, found.people) if entry.user_id else "",
        "through": THROUGH.get(entry.source, entry.source),
        "whom": _person(entry.subject_id, found.people) if entry.subject_kind == "user" else "",
        "leads": entry.subject_kind == "instance" and entry.subject_id in found.instances,
        "changes": [_change(name, value) for name, value in entry.changes.items()],
    }


def _person(user_id: int | None, people: Mapping[int, str]) -> str:
    """The address; of who was removed, or is out of reach, a number."""
    return people.get(user_id or 0, f"user {user_id}")


def _change(name: str, value: Any) -> dict[str, Any]:
    words = name if "." in name else name.replace("_", " ")
    if isinstance(value, list) and len(value) == 2:
        return {"name": words, "before": _text(value[0]), "after": _text(value[1]), "shown": True}
    return {"name": words, "value": "" if value is None else _text(value), "shown": False}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value in (None, "") else str(value)
