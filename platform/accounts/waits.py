"""How long somebody waits who has typed a wrong password too often: from the last try on."""

from __future__ import annotations

from retention.recall import Wait

WAITS = (
    Wait(
        "failed sign-ins",
        "axes_accessattempt",
        late="r.attempt_time > clock.latest",
        mend="attempt_time = late.at",
    ),
)
