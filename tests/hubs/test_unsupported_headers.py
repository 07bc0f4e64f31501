"""A header that asks for what there is not: the answer says so, or the request is refused."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

API = "/elements/api-v2"
KEYS = f"{API}/elements/keys"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Elements-Async-Request", "answered at once: this is the answer"),
        ("Elements-Async-Callback-Url", "nothing is sent to it"),
        ("Elements-Formula-Instance-Id", "there are no formulas"),
    ],
)
def test_a_header_without_effect_is_named(client: APIClient, name: str, said: str) -> None:
    answer = client.get(KEYS, headers={name: "True"})
    assert answer.status_code == 200
    assert answer["Elements-Error"] == f"{name} is not supported: {said}"
    for value in ("", "false", " False "):
        assert "Elements-Error" not in client.get(KEYS, headers={name: value})


def test_what_is_said_already_stays(client: APIClient) -> None:
    url = "https://app.example.com/done"
    asked = {"Elements-Async-Request": "true", "Elements-Async-Callback-Url": url}
    assert client.get(KEYS, headers=asked)["Elements-Error"].count("; ") == 1
    assert "Elements-Error" not in client.get("/health/live", headers=asked)
    assert "Elements-Error" not in client.get("/elements/api-v2/nothing", headers=asked)


def test_a_schedule_is_refused_and_nothing_is_done(client: APIClient) -> None:
    answer = client.get(KEYS, headers={"Elements-Schedule-Request": "0 0 * * *"})
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "Elements-Schedule-Request is not supported: nothing was done"
    )


def test_a_hub_call_that_is_to_be_answered_later_is_answered(hub: APIClient) -> None:
    answer = hub.get(f"{API}/labels", headers={"Elements-Async-Request": "True"})
    assert answer.status_code == 200
    assert "INBOX" in [label["id"] for label in answer.json()]
    assert answer["Elements-Error"].startswith("Elements-Async-Request is not supported")


def test_a_page_that_is_shorter_than_asked_for_says_both(hub: APIClient) -> None:
    answer = hub.get(f"{API}/messages?pageSize=100000", headers={"Elements-Async-Request": "True"})
    assert answer["Elements-Error"].startswith("pageSize 100000 was served as ")
    assert "; Elements-Async-Request is not supported" in answer["Elements-Error"]
