"""A callback URL is sent byte for byte: a signature in it may cover how it is written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync
from hypothesis import given
from hypothesis import strategies as st

from events import attempt
from events.outcome import Answer
from tests.events.raw_receiver import ANSWERED, RawReceiver
from transport.exact_url import exact_url


@pytest.fixture
def receiver() -> Iterator[RawReceiver]:
    made = RawReceiver(lambda *_: ANSWERED)
    yield made
    made.close()


TARGETS = [
    "/hook/a%2Fb",
    "/hook/a%2fb",
    "/hook?to=me%40example.com",
    "/hook?",
    "/hook?a=1?",
    "/hook??",
    "/hook;v=1",
    "/hook?a=1;b=2",
    "/hook?a=b+c",
    "/hook?a=b%20c",
    "/hook?a=b%2Bc",
    "/hook//a",
    "//hook",
    "/hook/",
    "/hook/./a/../b",
    "/hook/%2E%2E/b",
    "/hook?sig=a/b==",
    "/hook?sig=a%2Fb%3D%3D",
    "/hook?a=&b",
    "/hook?a=1&a=1&",
    "/hook?&a=1",
    "/hook/%7Euser",
    "/hook/~user",
    "/hook?a=%C3%BC&b=%c3%bc",
    "/hook?a=%E4",
    "/hook?a=100%",
    "/hook?a=%zz",
    "/hook?a[]=1&b={x}|y",
    "/hook?a='\"<>`^",
    "/hook/a:b@c!$&'()*,=",
    "/",
    "/?",
]


@pytest.mark.parametrize("target", TARGETS)
def test_path_and_query_arrive_as_they_are_written(receiver: RawReceiver, target: str) -> None:
    assert sent_to(receiver, target) == target


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("", "/"),
        ("?a=1", "/?a=1"),
        ("?", "/?"),
        ("/a#fragment", "/a"),
        ("/a?#fragment?", "/a?"),
        ("/ü/é", "/%C3%BC/%C3%A9"),
        ("/a?q=日本&r=%2F", "/a?q=%E6%97%A5%E6%9C%AC&r=%2F"),
        ("/a?q=\N{GRINNING FACE}", "/a?q=%F0%9F%98%80"),
    ],
)
def test_what_no_request_line_can_hold_is_encoded_alone(
    receiver: RawReceiver, written: str, arrives: str
) -> None:
    assert sent_to(receiver, written) == arrives


def sent_to(receiver: RawReceiver, target: str) -> str:
    async def send() -> Answer:
        async with attempt.open_sessions() as sessions:
            url = f"http://127.0.0.1:{receiver.port}{target}"
            return await attempt.send(sessions, url, b"{}", {"webhook-id": "msg_1"}, {})

    assert async_to_sync(send)().status == 200
    [arrived] = receiver.targets
    return arrived.decode("ascii")


VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\#")


@given(st.text(VISIBLE, max_size=60))
def test_nothing_visible_is_changed(rest: str) -> None:
    assert exact_url(f"https://hooks.example.com/{rest}").raw_path_qs == f"/{rest}"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Hooks.Example.com/a", "http://hooks.example.com"),
        ("https://hooks.example.com:8443/a", "https://hooks.example.com:8443"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example"),
        ("http://[2001:db8::1]:81/a", "http://[2001:db8::1]:81"),
    ],
)
def test_host_and_port_are_what_the_guard_reads(url: str, origin: str) -> None:
    assert str(exact_url(url).origin()) == origin
