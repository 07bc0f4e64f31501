"""Quota units are counted always, and refused only when that is switched on."""

import pytest

from integrations.gmail.sandbox.control_client import ControlFailedError, SandboxControl
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail


def test_units_follow_the_table_of_the_projects_age(gmail: Gmail, control: SandboxControl) -> None:
    message_id = control.deliver()["id"]
    for generation, price in (("2026-05", 20 + 2), ("2025-11", 5 + 2)):
        control.set_quota(generation=generation)
        before = control.quota()["units_by_user"].get(DEFAULT_MAILBOX, 0)
        gmail.get(f"/messages/{message_id}")
        start = gmail.get("/profile")["historyId"]
        gmail.get("/history", startHistoryId=start)
        assert control.quota()["units_by_user"][DEFAULT_MAILBOX] - before == price + 1


def test_refused_call_is_not_charged(gmail: Gmail, control: SandboxControl) -> None:
    gmail.ask("GET", "/messages", unknown="x")
    assert control.quota()["units_by_user"] == {}


def test_nothing_is_refused_until_enforced(gmail: Gmail, control: SandboxControl) -> None:
    control.set_quota(per_user_per_minute=1)
    assert [gmail.ask("GET", "/messages").status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize("status", [403, 429])
def test_user_over_the_limit_is_refused_until_the_next_minute(
    gmail: Gmail, control: SandboxControl, status: int
) -> None:
    now = control.state()["now"]
    control.advance_clock(60 - now % 60 + 0.5)  # a fresh minute
    control.set_quota(enforced=True, status=status, per_user_per_minute=10)
    assert [gmail.ask("GET", "/messages").status_code for _ in range(3)] == [200, 200, status]
    error = gmail.ask("GET", "/messages").json()["error"]
    assert error["errors"][0]["reason"] == "userRateLimitExceeded"
    assert "Retry after 20" in error["message"]
    control.advance_clock(60)
    assert gmail.ask("GET", "/messages").status_code == 200


def test_project_over_the_limit_is_refused_for_all(gmail: Gmail, control: SandboxControl) -> None:
    control.create_mailbox("second@example.com")
    token = control.sign_in("second@example.com")["access_token"]
    now = control.state()["now"]
    control.advance_clock(60 - now % 60 + 0.5)
    control.set_quota(enforced=True, per_project_per_minute=6)
    assert gmail.ask("GET", "/messages").status_code == 200
    refused = Gmail(control.url, token).ask("GET", "/messages")
    assert refused.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"


def test_senseless_settings_are_refused(control: SandboxControl) -> None:
    for wrong in ({"generation": "2020"}, {"status": 404}, {"enforced": 1}, {"limit": 5}):
        with pytest.raises(ControlFailedError, match=next(iter(wrong))):
            control.set_quota(**wrong)
