"""What curl takes for an answer is one: the status decides, whatever comes after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync

from events import attempt
from events.models import Delivery, DeliveryAttempt
from events.outcome import Answer
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.raw_receiver import ANSWERED, RawReceiver

SENT_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MakeRaw = Callable[..., RawReceiver]


@pytest.fixture
def raw() -> Iterator[MakeRaw]:
    made: list[RawReceiver] = []

    def make(answer: Callable[[int, int], bytes | None], *, closes: bool = False) -> RawReceiver:
        made.append(RawReceiver(answer, closes=closes))
        return made[-1]

    yield make
    for one in made:
        one.close()


def answers(url: str, times: int = 1, within: float = 5.0) -> list[Answer]:
    """Send that many notifications one after the other, over the same sessions."""

    async def send() -> list[Answer]:
        async with attempt.open_sessions() as sessions:
            return [
                await attempt.send(sessions, url, b"{}", {"webhook-id": f"msg_{n}"}, {}, within)
                for n in range(times)
            ]

    return async_to_sync(send)()


HEAD = b"HTTP/1.1 200 OK\r\n"
ACCEPTED_BY_CURL = {
    "a header of 100 kB": HEAD + b"X-Long: " + b"a" * 100_000 + b"\r\nContent-Length: 2\r\n\r\nok",
    "a header of 8.2 kB": HEAD + b"X-Long: " + b"a" * 8_200 + b"\r\nContent-Length: 2\r\n\r\nok",
    "150 headers": HEAD + b"X-One: 1\r\n" * 150 + b"Content-Length: 2\r\n\r\nok",
    "2,000 headers": HEAD + b"X-One: 1\r\n" * 2_000 + b"Content-Length: 2\r\n\r\nok",
    "a 204 with a body": b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
    "a 204 with a body of no length": b"HTTP/1.1 204 No Content\r\n\r\nok",
    "a 204 in chunks": b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "a 205 with a body": b"HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok",
    "the same length twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "the same length in a list": HEAD + b"Content-Length: 2, 2\r\n\r\nok",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "a length that is none": HEAD + b"Content-Length: two\r\n\r\nok",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\nok",
    "a length of 40 digits": HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nok",
    "more than its length": HEAD + b"Content-Length: 2\r\n\r\nok and more",
    "less than its length": HEAD + b"Content-Length: 20\r\n\r\nok",
    "a length beside chunks": HEAD
    + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "a bad chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    "a bad second chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n",
    "chunks without an end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: rot13\r\n\r\nok",
    "no length": HEAD + b"\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "a reason in Latin 1": b"HTTP/1.1 200 Verstand\xe4n\r\nContent-Length: 2\r\n\r\nok",
    "lines that end in LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "a line that is no header": HEAD + b"nonsense\r\nContent-Length: 2\r\n\r\nok",
    "a blank before the colon": HEAD + b"Content-Length : 2\r\n\r\nok",
    "a name with a blank": HEAD + b"X Name: 1\r\nContent-Length: 2\r\n\r\nok",
    "no name": HEAD + b": 1\r\nContent-Length: 2\r\n\r\nok",
    "a folded header": HEAD + b"X-A: 1\r\n  more\r\nContent-Length: 2\r\n\r\nok",
    "a header with a NUL": HEAD + b"X-A: \0\r\nContent-Length: 2\r\n\r\nok",
    "a header in UTF-8": HEAD + b"X-A: \xc3\xbc\r\nContent-Length: 2\r\n\r\nok",
    "gzip that is none": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    "a cookie that is none": HEAD + b"Set-Cookie: =;;\xff\r\nContent-Length: 2\r\n\r\nok",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    + ANSWERED,
    "an empty line first": b"\r\n" + ANSWERED,
    "headers without an end": HEAD + b"Content-Type: text/plain\r\n",
    "headers of 400 kB": HEAD + b"X-One: 1\r\n" * 40_000 + b"Content-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("answer", ACCEPTED_BY_CURL.values(), ids=ACCEPTED_BY_CURL)
def test_it_counts_as_delivered(raw: MakeRaw, answer: bytes) -> None:
    receiver = raw(lambda *_: answer, closes=True)

    [found] = answers(receiver.url)

    assert (found.delivered, found.error) == (True, "")
    assert len(receiver.requests) == 1


# Of these a receiver that keeps its connection open has said neither where they end nor that.
ENDED_BY_THE_CONNECTION = {
    "a length that is none",
    "a negative length",
    "a length of 40 digits",
    "less than its length",
    "chunks without an end",
    "an unknown coding",
    "no length",
    "HTTP/1.0",
    "headers without an end",
}
KEPT = {name: one for name, one in ACCEPTED_BY_CURL.items() if name not in ENDED_BY_THE_CONNECTION}


@pytest.mark.parametrize("answer", KEPT.values(), ids=KEPT)
def test_what_is_left_of_it_spoils_no_later_answer(raw: MakeRaw, answer: bytes) -> None:
    receiver = raw(lambda _, number: answer if number == 1 else ANSWERED)

    first, second, third = answers(receiver.url, 3)

    assert first.delivered
    assert (second.status, second.excerpt) == (third.status, third.excerpt) == (200, "ok")
    assert receiver.webhook_ids == [b"msg_0", b"msg_1", b"msg_2"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 20",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"\0" * 9,
    ],
)
def test_what_has_no_status_is_no_answer(raw: MakeRaw, answer: bytes) -> None:
    [found] = answers(raw(lambda *_: answer, closes=True).url)

    assert (found.status, found.delivered) == (None, False)
    assert found.error in ("the answer is not HTTP", "the connection was cut")


@pytest.mark.parametrize("before", [b"HTTP/1.1 100\n\n", b"HTTP/1.1 103 Hint\r\n\r\n", b"\r\n"])
def test_an_answer_that_only_ever_begins_is_none_and_holds_nobody_up(
    raw: MakeRaw, before: bytes
) -> None:
    endless = raw(lambda *_: before * (3_000_000 // len(before)) + ANSWERED)
    began = time.process_time()

    [found] = answers(endless.url)

    assert (found.status, found.error) == (None, "the answer is not HTTP")
    assert time.process_time() - began < 3.0  # of this thread and the receiver's


@pytest.mark.parametrize("status", [199, 301, 404, 422, 500, 503])
def test_an_odd_refusal_is_a_refusal(raw: MakeRaw, status: int) -> None:
    answer = b"HTTP/1.1 %d No\r\n" % status + b"X-One: 1\r\n" * 150 + b"Retry-After: 7\r\n\r\nno"

    [found] = answers(raw(lambda *_: answer, closes=True).url)

    if status == 199:  # another answer has to follow
        assert found.status is None
        return
    assert (found.status, found.retry_after, found.excerpt) == (status, 7.0, "no")


def test_a_plain_answer_keeps_its_connection(raw: MakeRaw) -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    receiver = raw(lambda _, number: chunked if number % 2 else ANSWERED)

    assert [one.excerpt for one in answers(receiver.url, 4)] == ["ok"] * 4
    assert receiver.connections == 1


# --- Connections that were kept -------------------------------------------------------------------


def test_what_a_kept_connection_does_not_take_goes_over_a_new_one(raw: MakeRaw) -> None:
    receiver = raw(lambda connection, number: None if (connection, number) == (1, 2) else ANSWERED)

    first, second = answers(receiver.url, 2)

    assert (first.status, second.status) == (200, 200)
    assert receiver.webhook_ids == [b"msg_0", b"msg_1", b"msg_1"]
    assert receiver.connections == 2


def test_a_new_connection_that_is_cut_is_a_failure(raw: MakeRaw) -> None:
    receiver = raw(lambda *_: None)

    [found] = answers(receiver.url)

    assert (found.status, found.error) == (None, "the connection was cut")
    assert len(receiver.requests) == 1


def test_it_is_sent_again_once_alone(raw: MakeRaw) -> None:
    receiver = raw(lambda _, number: ANSWERED if number == 1 else None)

    first, second = answers(receiver.url, 2)

    assert (first.status, second.error) == (200, "the connection was cut")
    assert receiver.webhook_ids == [b"msg_0", b"msg_1", b"msg_1"]


@pytest.mark.django_db
def test_the_engine_counts_both_as_one_attempt(raw: MakeRaw) -> None:
    used: set[int] = set()

    def once_a_connection(connection: int, _: int) -> bytes | None:
        fresh = connection not in used
        used.add(connection)
        return ANSWERED if fresh else None

    receiver = raw(once_a_connection)
    record(new_instance(url=receiver.url), 400)

    deliver_all_due()

    assert set(Delivery.objects.values_list("status", "failures")) == {("delivered", 0)}
    assert DeliveryAttempt.objects.filter(status_code=200).count() == Delivery.objects.count() == 40
    assert len(receiver.requests) > len(set(receiver.webhook_ids)) == 40
