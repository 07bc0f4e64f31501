"""How long people wait: after wrong passwords from the last try on, and for another e-mail."""

from __future__ import annotations

from retention.recall import Wait

WAITS = (
    Wait(
        "failed sign-ins",
        "axes_accessattempt",
        late="r.attempt_time > clock.latest",
        mend="attempt_time = late.at",
    ),
    Wait(
        "e-mails for a new password",
        "accounts_passwordreset",
        key="user_id",
        late="r.sent_at > clock.latest",
        mend="sent_at = late.at",
    ),
)
