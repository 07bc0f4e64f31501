"""The stand-in of Google Calendar answers Google's own Python client as Google documents it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import google_auth_httplib2
import httplib2
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from integrations.sandbox.provider import ProviderServer
from tests.discovery import Discovery
from tests.providers.customer import INTEGRATIONS

CALENDAR = Discovery("calendar.v3")


@pytest.fixture(autouse=True)
def _no_other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that turned to Google itself would fail at once."""
    look_up = socket.getaddrinfo

    def only_loopback(host: str, *more: Any, **options: Any) -> Any:
        assert host in ("127.0.0.1", "localhost"), f"{host} is not this machine"
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", only_loopback)


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with ProviderServer(INTEGRATIONS / "googlecalendar" / "sandbox.json") as server:
        yield server


@pytest.fixture
def service(server: ProviderServer) -> Iterator[Any]:
    credentials = Credentials(  # type: ignore[no-untyped-call]  # google-auth is typed in parts
        token=server.provider.token()
    )
    http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=20))
    endpoint = {"api_endpoint": f"{server.base_url}/"}
    with build_from_document(CALENDAR.document, http=http, client_options=endpoint) as service:
        yield service


def synchronized(service: Any, token: str | None = None) -> tuple[list[Any], str]:
    """All pages as Google's guide has them read, and the sync token of the last one."""
    records: list[Any] = []
    request = service.events().list(calendarId="primary", maxResults=2, syncToken=token)
    while True:
        answer = request.execute()
        CALENDAR.conforms(answer, "Events")
        records += answer["items"]
        following = service.events().list_next(request, answer)
        if following is None:
            return records, answer["nextSyncToken"]
        request = following


def test_a_calendar_is_synchronized_as_the_guide_says(service: Any) -> None:
    events = service.events()
    made = [
        events.insert(calendarId="primary", body={"summary": f"Event {number}"}).execute()
        for number in range(5)
    ]
    for one in made:
        CALENDAR.conforms(one, "Event")
    listed, token = synchronized(service)
    assert [one["id"] for one in listed] == [one["id"] for one in made]

    first, second = made[0]["id"], made[1]["id"]
    events.patch(calendarId="primary", eventId=first, body={"summary": "Changed"}).execute()
    events.delete(calendarId="primary", eventId=second).execute()
    changed, token = synchronized(service, token)
    assert [(one["id"], one["status"]) for one in changed] == [
        (first, "confirmed"),
        (second, "cancelled"),
    ]
    assert synchronized(service, token)[0] == []
    gone = events.get(calendarId="primary", eventId=second).execute()
    assert gone["status"] == "cancelled"  # "The get method always returns them"


def test_an_expired_sync_token_is_gone(service: Any, server: ProviderServer) -> None:
    _, token = synchronized(service)
    server.provider.collections["events"].expire()
    with pytest.raises(HttpError) as caught:
        synchronized(service, token)
    assert caught.value.status_code == 410
    assert caught.value.error_details[0]["reason"] == "fullSyncRequired"


def test_the_list_of_calendars_conforms(service: Any, server: ProviderServer) -> None:
    made = server.provider.collections["calendars"].put("Holidays")
    answer = service.calendarList().list(maxResults=10).execute()
    CALENDAR.conforms(answer, "CalendarList")
    assert [one["id"] for one in answer["items"]] == [made]
