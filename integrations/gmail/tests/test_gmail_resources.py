"""Messages by search and by id, and what the other resources declare."""

from __future__ import annotations

from typing import Any

import pytest

from elements.calls import Call
from elements.errors import ParameterError
from integrations.gmail.element import ELEMENT
from integrations.gmail.resources.messages import get_message, list_messages
from integrations.gmail.tests.stand_in import answer, refusal
from integrations.gmail.units import GENERATIONS, generation_of, quota_of
from transport.errors import MalformedAnswer, ProviderError
from transport.types import Bucket, Request


def test_messages_are_listed_a_page_at_a_time() -> None:
    steps = list_messages(Call(query={"q": "x"}, page_size=2, page_token="later"))
    request = next(steps)
    assert isinstance(request, Request)
    assert request.query == {"q": "x", "maxResults": 2, "pageToken": "later"}
    with pytest.raises(StopIteration) as end:
        steps.send(answer({"messages": [{"id": "a"}], "nextPageToken": "t"}))
    assert (end.value.value.records, end.value.value.next_token) == ([{"id": "a"}], "t")


def test_an_empty_mailbox_lists_nothing() -> None:
    steps = list_messages(Call())
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(answer({"resultSizeEstimate": 0}))
    assert (end.value.value.records, end.value.value.next_token) == ([], "")


@pytest.mark.parametrize("messages", [{"a": 1}, ["x"]])
def test_a_list_that_is_not_gmails_is_an_error(messages: object) -> None:
    steps = list_messages(Call())
    next(steps)
    with pytest.raises(MalformedAnswer):
        steps.send(answer({"messages": messages}))


def test_one_message_is_read_in_the_format_asked_for() -> None:
    query = {"format": "metadata", "metadataHeaders": "From, Subject"}
    steps = get_message(Call(path={"id": "18c"}, query=query))
    request = next(steps)
    assert isinstance(request, Request)
    assert request.url == "/gmail/v1/users/me/messages/18c"
    assert request.query == {"format": "metadata", "metadataHeaders": ["From", "Subject"]}
    with pytest.raises(ProviderError):
        steps.send(refusal(404, "notFound"))


@pytest.mark.parametrize("object_id", ["", "..", "../labels", "a/b", "a?x=1", "a%2f"])
def test_an_id_that_leads_elsewhere_is_refused(object_id: str) -> None:
    with pytest.raises(ParameterError):
        next(get_message(Call(path={"id": object_id})))


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ParameterError):
        next(get_message(Call(path={"id": "a"}, query={"format": "everything"})))


def test_prices_follow_the_generation_of_the_project() -> None:
    before, since = GENERATIONS["2025-11"], GENERATIONS["2026-05"]
    assert (before.costs["messages.get"], since.costs["messages.get"]) == (5, 20)
    assert before.costs["history.list"] == since.costs["history.list"] == 2
    with pytest.raises(ValueError, match="GMAIL_QUOTA_GENERATION must be one of 2025-11, 2026-05"):
        generation_of("2030-01")


def test_limits_follow_the_generation_of_the_project() -> None:
    before, since = (quota_of(GENERATIONS[name], {}) for name in ("2025-11", "2026-05"))
    assert (before.account.minute, since.account.minute) == (15_000, 6_000)
    assert before.project == Bucket(1_200_000, 0)
    assert since.project == Bucket(1_200_000, 80_000_000)


def test_limits_that_google_has_granted_stand_in_their_place() -> None:
    granted = {"GMAIL_UNITS_PER_USER_MINUTE": "9000", "GMAIL_UNITS_PER_PROJECT_DAY": "7"}
    quota = quota_of(GENERATIONS["2026-05"], granted)
    assert (quota.account, quota.project) == (Bucket(9_000), Bucket(1_200_000, 7))
    with pytest.raises(ValueError, match="GMAIL_UNITS_PER_PROJECT_MINUTE must be"):
        quota_of(GENERATIONS["2026-05"], {"GMAIL_UNITS_PER_PROJECT_MINUTE": "-1"})


@pytest.mark.parametrize(
    "name", ["changed-messages", "/changed-messages", "changed-message", "/changed-message"]
)
def test_changed_messages_is_known_by_each_name_in_use(name: str) -> None:
    resource = ELEMENT.resource(name)
    assert resource is not None
    assert resource.name == "changed-messages"
    assert resource.changes is not None


def test_every_operation_says_what_it_costs_and_does() -> None:
    for resource in ELEMENT.resources:
        assert resource.description
        assert resource.fields
        for operation in resource.operations:
            assert operation.units > 0, operation
            assert operation.description, operation
            assert operation.vendor_path.startswith("/gmail/v1/users/me/")


def text_kept_aside(media_type: str, attachment_id: object, filename: str = "") -> dict[str, Any]:
    body = {"size": 9, "attachmentId": attachment_id}
    return {"mimeType": media_type, "filename": filename, "body": body}


def test_a_text_too_long_for_gmails_answer_is_fetched() -> None:
    parts = [
        text_kept_aside("text/plain", "Aa_-.1"),
        text_kept_aside("text/html", "../labels"),
        text_kept_aside("text/html", None),
        text_kept_aside("text/csv", "Bb"),
        text_kept_aside("text/plain", "Cc", "a.txt"),
    ]
    steps = get_message(Call(path={"id": "18c"}))
    next(steps)
    request = steps.send(answer({"id": "18c", "payload": {"parts": parts}}))
    assert isinstance(request, Request)
    assert request.url == "/gmail/v1/users/me/messages/18c/attachments/Aa_-.1"
    with pytest.raises(StopIteration) as end:
        steps.send(answer({"size": 9, "data": "TG9uZyB0ZXh0"}))
    assert end.value.value["text"] == "Long text"
    assert [one["filename"] for one in end.value.value["attachments"]] == ["", "", "a.txt"]
