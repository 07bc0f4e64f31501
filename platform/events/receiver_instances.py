"""Which instances a provider's webhook is for: by the address, by a header, or by its body.

Rule 1: anybody may write any vendor id into an instance of their own; whose webhook it is, the
signature decides. So a bound on how many instances are asked is always one organization's own:
nobody fills it for another.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from accounts.reach import Reach
from api.errors import BadRequest, NotFound
from elements.row_id import row_id
from events.models import VendorSubscription
from events.receiver_body import LONGEST_VALUE, Sent, below, scalars, text_of
from instances import configuration
from instances.models import ElementInstance

MOST_INSTANCES = 50  # that a header names, or that one organization gives one vendor id
MOST_OF_LARGE = 5  # that a header names where the body is large: for each, all of it is digested
MOST_OF_ORGANIZATION = 200  # that are asked for one webhook, whatever values its body holds
INSTANCES_HEADER = "Element-Instances"

# Those called by one of the values: of each organization a bounded number, the oldest of each
# vendor id first.
CALLED = """
WITH called AS (
    SELECT v.instance_id, i.organization_id, row_number() OVER (
               PARTITION BY i.organization_id, v.vendor_id ORDER BY v.instance_id) AS place
      FROM events_vendorsubscription v
      JOIN instances_elementinstance i ON i.id = v.instance_id
     WHERE v.element_key = %(element)s AND v.vendor_id = ANY(%(values)s)
), asked AS (
    SELECT instance_id, row_number() OVER (
               PARTITION BY organization_id ORDER BY place, instance_id) AS place
      FROM called
     WHERE place <= %(most)s
)
SELECT instance_id FROM asked WHERE place <= %(most_of_organization)s
"""


def follow_configuration(instance: ElementInstance, **_: Any) -> None:
    """Receiver of instance_saved: notes what the provider's webhooks call the instance.

    Raises BadRequest where as many instances of the organization are called so as are asked.
    """
    values = configuration.without_secrets(instance)
    vendor_id = values.get(configuration.SUBSCRIPTION_ID, "").strip()
    told = instance.vendor_type == "webhook" and 0 < len(vendor_id) <= LONGEST_VALUE
    if not told:
        VendorSubscription.objects.filter(pk=instance.pk).delete()
        return
    _require_room(instance, vendor_id)
    VendorSubscription.objects.update_or_create(
        instance=instance,
        defaults={"element_key": instance.element_key, "vendor_id": vendor_id},
    )


def _require_room(instance: ElementInstance, vendor_id: str) -> None:
    called = VendorSubscription.objects.filter(
        element_key=instance.element_key,
        vendor_id=vendor_id,
        instance__organization=instance.organization_id,
    ).values_list("pk", flat=True)[: MOST_INSTANCES + 1]
    if instance.pk not in called and len(called) >= MOST_INSTANCES:
        raise BadRequest(
            f"configuration.{configuration.SUBSCRIPTION_ID}: {MOST_INSTANCES} instances have it "
            "already, as many as one webhook goes to"
        )


def candidates(element_key: str, ref: str | None, sent: Sent) -> list[ElementInstance]:
    """The instances of the element that the webhook may be for, in the order of their ids.

    Raises BadRequest for a header, or a body without another sign, that cannot be read.
    """
    if ref is not None:
        return _of(element_key, [] if (one := id_of(ref)) is None else [one])
    if header := sent.headers.get(INSTANCES_HEADER, "").strip():
        return _of(element_key, _ids(header))
    return _named_within(element_key, sent)


def id_of(ref: str) -> int | None:
    """An instance's id, plain or as Base64 of its digits; None where it is neither."""
    digits = ref.strip()
    if not (digits.isascii() and digits.isdigit()):
        try:
            padded = digits.rstrip("=") + "=" * (-len(digits.rstrip("=")) % 4)
            digits = base64.b64decode(padded, validate=True).decode("ascii")
        except (ValueError, binascii.Error):
            return None
    return row_id(digits)


def names_few(header: str) -> bool:
    """Return whether the header names instances, and not too many for a large body."""
    return 0 < len(_parts(header)) <= MOST_OF_LARGE


def _parts(header: str) -> list[str]:
    return [part for part in header.split(",") if part.strip()]


def _ids(header: str) -> list[int]:
    parts = _parts(header)
    if len(parts) > MOST_INSTANCES:
        raise BadRequest(f"{INSTANCES_HEADER} names more than {MOST_INSTANCES} instances")
    found = [id_of(part) for part in parts]
    if None in found:
        raise BadRequest(f"{INSTANCES_HEADER} must hold ids of instances, separated by commas")
    return [one for one in found if one is not None]


def _of(element_key: str, ids: Iterable[int]) -> list[ElementInstance]:
    rows = ElementInstance.objects.filter(pk__in=list(ids), element_key=element_key)
    return list(rows.select_related("user__account").order_by("pk"))


# --- By the body ---------------------------------------------------------------------------------


def _named_within(element_key: str, sent: Sent) -> list[ElementInstance]:
    """Those whose finder leads to what the provider calls them.

    Any value of the body may be one, for each instance has a finder of its own: one query asks for
    them all.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            CALLED,
            {
                "element": element_key,
                "values": scalars(sent.searched),
                "most": MOST_INSTANCES,
                "most_of_organization": MOST_OF_ORGANIZATION,
            },
        )
        ids = [int(row[0]) for row in cursor.fetchall()]
    return [one for one in _of(element_key, ids) if _is_named(one, sent.searched)]


def _is_named(instance: ElementInstance, value: Any) -> bool:
    values = configuration.without_secrets(instance)
    wanted = values.get(configuration.SUBSCRIPTION_ID, "").strip()
    paths: Sequence[str] = values.get(configuration.INSTANCE_FINDER, "").split("|")
    return any(wanted in _names(below(value, path.strip())) for path in paths if path.strip())


def _names(value: Any) -> list[str]:
    """The name that stands at a place, or each of the list that does: one webhook of several."""
    return [text_of(one) for one in (value if isinstance(value, list) else [value])]


def own(element_key: str, ref: str, reach: Reach) -> ElementInstance:
    """An instance within reach. Raises NotFound."""
    own = reach.rows(ElementInstance).filter(element_key=element_key, pk=id_of(ref) or 0)
    found = own.select_related("user__account").first()
    if found is None:
        raise NotFound(f"No element instance of {element_key} found with id {ref}"[:300])
    return found
