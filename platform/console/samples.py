"""What somebody runs at a shell to look at a delivery by hand: send it again, verify it.

Each is made of the delivery's own id, time and body. The signature key is never in it: it is read
from the environment, and the values of a customer's own headers are left out.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import datetime

from encryption.keys import UnsealError
from events import attempt, signature
from events.models import Channel, Delivery
from events.signing_key import retired_of
from explanations.masking import masked_url
from instances.configuration import MASK

LONGEST_INLINE = 16_000  # characters of a body that stands in the text; a longer one is a file


@dataclass(frozen=True, slots=True)
class Samples:
    """Texts to copy, and the headers of one attempt at `at`: its own, or now where none was made.

    `headers` are made with the present signature key. `curl` is signed for now, since receivers
    take a signature for minutes only.
    """

    at: datetime
    attempt: int | None  # its number
    headers: list[tuple[str, str]]
    curl: str
    python: str
    node: str
    signed: bool
    by_file: bool  # the body is read from a file
    own_headers: bool  # a customer's own are sent along, and left out of `curl`


def samples_of(delivery: Delivery, body: str, now: datetime) -> Samples | None:
    """None where nothing is sent by HTTP, or a secret of the subscription cannot be opened."""
    if delivery.subscription.channel != Channel.WEBHOOK or not delivery.subscription.url:
        return None
    last = max(delivery.attempts.all(), key=lambda one: one.number, default=None)
    at = now if last is None else last.started_at
    try:
        own = dict(delivery.subscription.sent_along)
        then, fresh = _signed(delivery, body, at), _signed(delivery, body, now)
        signed = bool(delivery.subscription.signature_key)
    except UnsealError:
        return None
    file = f"event-{delivery.event_id}.json" if len(body) > LONGEST_INLINE else ""
    return Samples(
        at=at,
        attempt=None if last is None else last.number,
        headers=[
            *attempt.HEADERS.items(),
            *then.items(),
            *((name, MASK) for name in own),
        ],
        curl=_curl(masked_url(delivery.subscription.url), fresh, body, file),
        python=_python(then, body, file) if signed else "",
        node=_node(then, body, file) if signed else "",
        signed=signed,
        by_file=bool(file),
        own_headers=bool(own),
    )


def _signed(delivery: Delivery, body: str, at: datetime) -> dict[str, str]:
    subscription = delivery.subscription
    return signature.headers(
        subscription.signature_key,
        delivery.webhook_id,
        body.encode(),
        at,
        retired_of(subscription),
    )


def _curl(url: str, headers: dict[str, str], body: str, file: str) -> str:
    data = f"--data-binary @{file}" if file else f"--data-raw {shlex.quote(body)}"
    sent = {"Content-Type": attempt.HEADERS["Content-Type"], **headers}
    lines = [
        f"URL={shlex.quote(url)}",
        'curl "$URL"',
        *(f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in sent.items()),
        f"  {data}",
    ]
    return lines[0] + "\n" + " \\\n".join(lines[1:]) + "\n"


# --- Verifying -----------------------------------------------------------------------------------

PYTHON = """\
# SIGNATURE_KEY=… python3 verify.py
import base64, hashlib, hmac, os

key = os.environ["SIGNATURE_KEY"]
webhook_id = {webhook_id}
timestamp = {timestamp}
body = {body}
elements = {elements}
standard = {standard}


def made(secret, text):
    return base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()


print("Elements-Webhook-Signature:", hmac.compare_digest(
    "sha256=" + made(key.encode(), body), elements))
secret = base64.b64decode(key[6:]) if key.startswith("whsec_") else key.encode()
signed = f"{{webhook_id}}.{{timestamp}}.".encode() + body
print("webhook-signature:", any(
    hmac.compare_digest("v1," + made(secret, signed), one) for one in standard.split()))
"""
NODE = """\
// SIGNATURE_KEY=… node verify.mjs
import {{ createHmac, timingSafeEqual }} from "node:crypto";
{imports}
const key = process.env.SIGNATURE_KEY;
const webhookId = {webhook_id};
const timestamp = {timestamp};
const body = {body};
const elements = {elements};
const standard = {standard};

const made = (secret, text) => createHmac("sha256", secret).update(text).digest("base64");
const same = (one, other) =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));

console.log("Elements-Webhook-Signature:", same("sha256=" + made(key, body), elements));
const secret = key.startsWith("whsec_") ? Buffer.from(key.slice(6), "base64") : Buffer.from(key);
const signed = Buffer.concat([Buffer.from(`${{webhookId}}.${{timestamp}}.`), body]);
const right = "v1," + made(secret, signed);
console.log("webhook-signature:", standard.split(" ").some((one) => same(right, one)));
"""


def _python(headers: dict[str, str], body: str, file: str) -> str:
    return PYTHON.format(
        webhook_id=ascii(headers["webhook-id"]),
        timestamp=ascii(headers["webhook-timestamp"]),
        body=f"open({file!r}, 'rb').read()" if file else f"{body!a}.encode()",
        elements=ascii(headers["Elements-Webhook-Signature"]),
        standard=ascii(headers["webhook-signature"]),
    )


def _node(headers: dict[str, str], body: str, file: str) -> str:
    return NODE.format(
        imports='import { readFileSync } from "node:fs";\n' if file else "",
        webhook_id=json.dumps(headers["webhook-id"]),
        timestamp=json.dumps(headers["webhook-timestamp"]),
        body=f"readFileSync({json.dumps(file)})" if file else f"Buffer.from({json.dumps(body)})",
        elements=json.dumps(headers["Elements-Webhook-Signature"]),
        standard=json.dumps(headers["webhook-signature"]),
    )
