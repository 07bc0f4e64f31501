"""Which URLs are inboxes of the platform's own, and that their connections serve nothing else."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from pytest_django.fixtures import Settings

from tests.transport.scripted_provider import ScriptedProvider
from transport.errors import AddressRefused
from transport.own_inbox import InboxConnector, is_inbox, url_of

KEY = "abcdefghijklmnopqrstuvwxyz-_ABCDEFGHIJKLMNO"
HERE = "http://localhost:8000"


@pytest.fixture(autouse=True)
def _here(settings: Settings) -> None:
    settings.PUBLIC_URL = HERE


def test_the_url_of_an_inbox_is_one() -> None:
    assert is_inbox(f"{HERE}/inbox/{KEY}")


@pytest.mark.parametrize(
    "url",
    [
        "",
        KEY,
        f"/inbox/{KEY}",
        f"{HERE}/inbox/{KEY[:-1]}",
        f"{HERE}/inbox/{KEY}A",
        f"{HERE}/inbox/{KEY}\n",
        f"{HERE}/inbox/{KEY}?a=b",
        f"{HERE}/inbox/{KEY}#{KEY}",
        f"{HERE}/inbox/{KEY}/{KEY}",
        f"{HERE}/inbox/../{KEY}",
        f"{HERE}/inbox/%2e%2e/{KEY}",
        f"{HERE}//inbox/{KEY}",
        f"{HERE}/Inbox/{KEY}",
        f"{HERE}/other/{KEY}",
        f"{HERE}\\inbox/{KEY}",
        f"{HERE}@evil.example/inbox/{KEY}",
        f"{HERE}.evil.example/inbox/{KEY}",
        f"http://user@localhost:8000/inbox/{KEY}",
        f"http://evil.example/{HERE}/inbox/{KEY}",
        f"http://evil.example#{HERE}/inbox/{KEY}",
        f"https://localhost:8000/inbox/{KEY}",
        f"http://localhost/inbox/{KEY}",
        f"http://127.0.0.1:8000/inbox/{KEY}",
        f"http://LOCALHOST:8000/inbox/{KEY}",
        f" {HERE}/inbox/{KEY}",
        f"{HERE}/inbox/{KEY[:-1]}é",
        f"{HERE}/inbox/{KEY[:-1]}\N{FULLWIDTH LATIN CAPITAL LETTER O}",
    ],
)
def test_what_only_looks_like_it_is_none(url: str) -> None:
    assert not is_inbox(url)


def test_its_connections_refuse_every_other_request(
    settings: Settings, provider: ScriptedProvider
) -> None:
    async def get(url: str) -> int:
        async with (
            aiohttp.ClientSession(connector=InboxConnector()) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return answer.status

    settings.PUBLIC_URL = provider.url
    asyncio.run(get(url_of(KEY)))  # whatever it answers: it was asked
    for path in ("/metrics", f"/inbox/{KEY}?x=1", "/inbox/short", "/"):
        with pytest.raises(AddressRefused):
            asyncio.run(get(provider.url + path))
