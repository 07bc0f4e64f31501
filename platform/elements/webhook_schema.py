"""The shape of what an element says about its provider's webhooks."""

from __future__ import annotations

from api.schema import NUMBER, TEXT, by_key, one_of, shape
from elements.calls import ChangeType
from elements.definition.webhook import NOTHING
from elements.webhooks import Encoding, Proof

WEBHOOK = shape(
    "ElementWebhook",
    {
        "signature": shape(
            "ElementWebhookSignature",
            {
                "header": TEXT,
                "proof": one_of(*Proof),
                "encoding": one_of(*Encoding),
                "prefix": TEXT,
                "signed": TEXT,
                "secretKey": TEXT,
            },
        ),
        "records": TEXT,
        "objectId": TEXT,
        "objectType": TEXT,
        "eventType": TEXT,
        "date": TEXT,
        "deliveryId": TEXT,
        "repeatWindow": NUMBER,
        "formField": TEXT,
        "eventTypes": by_key(one_of(*ChangeType, NOTHING)),
        "objectTypes": by_key(TEXT),
    },
)
