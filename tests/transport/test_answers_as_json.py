"""What a provider wrote is read so that it can be walked, stored and written again."""

from __future__ import annotations

import json

import pytest

from transport import json_text
from transport.errors import MalformedAnswer, ProviderError
from transport.types import Response


def nested(levels: int) -> bytes:
    return (
        b'{"a":' * (levels // 2)
        + b"[" * (levels - levels // 2)
        + (b"]" * (levels - levels // 2) + b"}" * (levels // 2))
    )


def test_the_deepest_answer_is_read_and_can_be_written_again() -> None:
    value = Response(200, {}, nested(json_text.DEEPEST)).json()

    assert json.dumps(value, separators=(",", ":")).encode() == nested(json_text.DEEPEST)


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    assert Response(200, {}, b"[" + b"{}," * 1000 + b"[]]").json()[-1] == []
    assert Response(200, {}, b'"' + b"[" * 1000 + b'"').json() == "[" * 1000


@pytest.mark.parametrize("levels", [json_text.DEEPEST + 1, 900, 100_000])
def test_a_deeper_answer_is_malformed(levels: int) -> None:
    with pytest.raises(MalformedAnswer, match="deeper than 200 levels"):
        Response(200, {}, nested(levels)).json()


def test_a_deep_error_body_is_quoted_like_any_text() -> None:
    with pytest.raises(ProviderError) as raised:
        Response(403, {}, nested(100_000)).json()

    assert raised.value.status == 403
    assert '{"a":{"a":' in raised.value.provider_message
