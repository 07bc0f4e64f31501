"""What a provider wrote is read so that it can be walked, stored and written again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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


# --- How many values -----------------------------------------------------------------------------

FEW = 100


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (b"[" + b"1," * FEW + b"1]", True),
        (b"[" + b"1," * (FEW - 1) + b"1]", False),
        (b"[" + b"{}," * FEW + b"{}]", True),
        (b'{"a":[' + b'{"b":[1]},' * FEW + b"0]}", True),
        (b'["' + b"a, [b], {c}" * FEW + b'"]', False),
        (b'["\\"' + b"," * 1000 + b'"]', False),
        (b'["\\\\"' + b",1" * FEW + b"]", True),
        (b'["\\\\\\"' + b"," * 1000 + b'"]', False),
        (b'["' + b"\\\\" * 65_536 + b"," * 1000 + b'"]', False),
        (b'[ "' + b"\\\\" * 65_536 + b"," * 1000 + b'"]', False),
        (b'["' + b'\\"' * 65_536 + b'",' + b"1," * FEW + b"1]", True),
        (b'["x' + b"," * 65_533 + b'\\"' + b"," * 1000 + b'"]', False),
        (b'["' + b"," * 65_533 + b'"' + b",1" * FEW + b"]", True),
    ],
)
def test_values_are_counted_and_not_what_a_text_seems_to_have(text: bytes, more: bool) -> None:
    assert json.loads(text)
    assert json_text.has_more_values(text, FEW) is more


def test_an_answer_of_more_values_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "MAX_VALUES", FEW)

    with pytest.raises(MalformedAnswer, match="more than 100 values: ask for smaller pages"):
        Response(200, {}, b"[" + b"1," * FEW + b"1]").json()


MEASURED = """
import sys
from transport.errors import MalformedAnswer
from transport.types import Response

def peak():  # bytes; not resource's, which begins with the parent's
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

SIZE = 32_000_000
body = {
    "empty objects": lambda: b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "small records": lambda: b"[" + b'{"a":"b"},' * (SIZE // 10) + b"{}]",
    "one text": lambda: b'["' + b"a" * SIZE + b'"]',
    "commas in a text": lambda: b'["' + b"a," * (SIZE // 2) + b'"]',
}[sys.argv[1]]()
before = peak()
try:
    Response(200, {}, body).json()
except MalformedAnswer:
    pass
print((peak() - before) / SIZE)
"""


@pytest.mark.parametrize("kind", ["empty objects", "small records", "one text", "commas in a text"])
def test_the_largest_answer_takes_few_times_its_size_in_memory(kind: str) -> None:
    """Empty objects took 28 times theirs."""
    platform = Path(__file__).resolve().parents[2] / "platform"
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, kind],
        env={**os.environ, "PYTHONPATH": str(platform)},
        capture_output=True,
        check=True,
        timeout=120,
    )

    assert float(done.stdout) < 6
