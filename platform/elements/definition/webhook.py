"""Reads the `webhook` of a definition: how the provider tells of changes by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from elements.calls import ChangeType
from elements.definition import configuration
from elements.definition.reading import Part
from elements.errors import ConfigurationError
from elements.standard import EVENT_KEYS, POLLER, VENDOR_TYPE, VENDOR_TYPES, WEBHOOK, WEBHOOK_SECRET
from elements.types import ConfigurationField
from elements.webhooks import UNSIGNED, Encoding, Proof, Signature, Webhook

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110 5.6.2: a token
IN_BODY = re.compile(r"[^.:\s]+(\.[^.:\s]+){0,19}")
PLACE_FORM = "a path with dots such as data.id, header:Name or value:text"
MOST_WORDS = 200  # of a table
LONGEST_WORD = 100  # characters
MAX_REPEAT_WINDOW = 3_600  # seconds
NOTHING = "ignored"
BODY = "{body}"
NOTHING_IS_SIGNED = "must be left out where proof is none: nothing is signed"
SECRET_KEY = "webhook.signature.secretKey"  # noqa: S105 - a path


def webhook(part: Part) -> Webhook | None:
    """None where nothing is declared. Raises ConfigurationError naming the path."""
    if not part.value:
        return None
    return Webhook(
        signature=_signature(part.part("signature")),
        records=_path(part, "records"),
        object_id=_place(part, "objectId") or "id",
        object_type=_place(part, "objectType", required=True),
        event_type=_place(part, "eventType"),
        date=_place(part, "date"),
        delivery_id=_place(part, "deliveryId", constant=False),
        repeat_window=part.number("repeatWindow", least=0, most=MAX_REPEAT_WINDOW, default=0) or 0,
        form_field=part.text("formField", longest=LONGEST_WORD),
        event_types={
            word: _change_type(part, word, told) for word, told in _table(part, "eventTypes")
        },
        object_types={
            word: _object_type(part, word, name) for word, name in _table(part, "objectTypes")
        },
    )


def _signature(part: Part) -> Signature:
    if not part.value:
        raise ConfigurationError(
            part.path,
            "is missing: without one anybody could send what the provider sends. Of a provider "
            'that signs nothing it is {"proof": "none"}',
        )
    proof = Proof(part.word("proof", list(Proof), default=Proof.HMAC_SHA256))
    if proof is Proof.NONE:
        return _unsigned(part)
    return Signature(
        header=part.text("header", required=True, form=HEADER, right="the name of a header"),
        proof=proof,
        encoding=Encoding(part.word("encoding", list(Encoding), default=Encoding.HEX)),
        prefix=part.text("prefix", longest=100),
        signed=_signed(part),
        secret_key=part.text(
            "secretKey",
            default=Signature("").secret_key,
            form=configuration.KEY,
            right="a key of the configuration",
        )
        or Signature("").secret_key,
    )


def _unsigned(part: Part) -> Signature:
    """Nothing is said of a signature that is not there, so that no slip of the pen drops one."""
    part.word("encoding", list(Encoding), default=Encoding.HEX)
    for name in ("header", "prefix", "secretKey"):
        part.nothing(name, NOTHING_IS_SIGNED)
    if part.text("signed", longest=500) != BODY:  # as exports have it
        part.nothing("signed", NOTHING_IS_SIGNED)
    return UNSIGNED


def _signed(part: Part) -> str:
    """What is signed: a text with {body} in it, once, and {header:Name}."""
    text = part.text("signed", longest=500) or BODY
    left = re.sub(
        r"\{header:([^{}]*)\}", lambda found: "" if HEADER.fullmatch(found[1]) else "{", text
    )
    if left.count(BODY) != 1 or set("{}") & set(left.replace(BODY, "")):
        part.refuse("signed", "must hold {body} once, and otherwise text and {header:Name}")
    return text


def _path(part: Part, name: str) -> str:
    return part.text(name, longest=200, form=IN_BODY, right="a path with dots such as data.items")


def _place(part: Part, name: str, *, required: bool = False, constant: bool = True) -> str:
    text = part.text(name, required=required, longest=200, right=PLACE_FORM)
    source, colon, rest = text.partition(":")
    if colon and source == "header" and HEADER.fullmatch(rest):
        return text
    if colon and source == "value" and constant and rest:
        return text
    if text and IN_BODY.fullmatch(text) is None:
        part.refuse(name, f"must be {PLACE_FORM}")
    return text


# --- Tables of words -----------------------------------------------------------------------------


def _table(part: Part, name: str) -> list[tuple[str, Any]]:
    table = part.part(name).value
    if len(table) > MOST_WORDS:
        part.refuse(name, f"has {len(table)} words; {MOST_WORDS} are allowed")
    for word in table:
        # As a value, so that it is held to the same rules.
        Part({word: word}, part.at(name)).text(word, required=True, longest=LONGEST_WORD)
    return [*table.items()]


def _change_type(part: Part, word: str, told: Any) -> ChangeType | None:
    words = Part({word: told}, part.at("eventTypes"))
    found = words.word(word, [*ChangeType, NOTHING], required=True)
    return None if found == NOTHING else ChangeType(found)


def _object_type(part: Part, word: str, name: Any) -> str:
    names = Part({word: name}, part.at("objectTypes"))
    return names.text(word, required=True, longest=LONGEST_WORD)


# --- What instances are asked for ----------------------------------------------------------------


def with_webhook(
    fields: Mapping[str, ConfigurationField], declared: Webhook
) -> dict[str, ConfigurationField]:
    """Return the configuration with what a webhook needs. Raises ConfigurationError.

    The secret is among them where the provider signs. `event.vendor.type` may be webhook: unless
    the definition says otherwise it is that by default, where nothing is polled by default.
    """
    completed = dict(fields)
    if declared.signature.proof is not Proof.NONE:
        completed |= _with_secret(completed, declared.signature.secret_key)
    for usual in WEBHOOK:
        completed.setdefault(usual.key, usual)
    vendor_type = completed.get(VENDOR_TYPE)
    if vendor_type is not None and vendor_type.choices == ("polling",):
        poller = completed.get(POLLER)
        default = "polling" if poller is not None and poller.default else "webhook"
        completed[VENDOR_TYPE] = replace(vendor_type, choices=VENDOR_TYPES, default=default)
    return completed


def _with_secret(
    fields: Mapping[str, ConfigurationField], key: str
) -> dict[str, ConfigurationField]:
    """Return the entry for the secret. Raises ConfigurationError."""
    if key.lower().startswith("event.") and key not in EVENT_KEYS:
        raise ConfigurationError(SECRET_KEY, f"{key} is reserved: none of your own begins so")
    secret = fields.get(key, replace(WEBHOOK_SECRET, key=key))
    if not secret.secret:
        raise ConfigurationError(SECRET_KEY, f"{key} must be an entry of the type PASSWORD")
    return {key: secret}


# --- Writing -------------------------------------------------------------------------------------


def is_declared(webhook: Webhook | None) -> TypeGuard[Webhook]:
    """Whether there is one that JSON can say: no code reads what is sent."""
    return webhook is not None and webhook.read is None


def webhook_json(declared: Webhook) -> dict[str, Any]:
    signature = declared.signature
    return {
        "signature": {
            "header": signature.header,
            "proof": signature.proof.value,
            "encoding": signature.encoding.value,
            "prefix": signature.prefix,
            "signed": signature.signed,
            "secretKey": signature.secret_key,
        },
        "records": declared.records,
        "objectId": declared.object_id,
        "objectType": declared.object_type,
        "eventType": declared.event_type,
        "date": declared.date,
        "deliveryId": declared.delivery_id,
        "repeatWindow": declared.repeat_window,
        "formField": declared.form_field,
        "eventTypes": {
            word: NOTHING if told is None else told.value
            for word, told in declared.event_types.items()
        },
        "objectTypes": dict(declared.object_types),
    }
