"""…/unsigned-webhooks: the address of an instance whose provider does not sign."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.fields import json_object
from api.schema import documented
from api.timestamp import timestamp
from events import receiver_schema as schema
from events import unsigned
from events.networks import networks_of
from events.unsigned_address import UnsignedAddress
from instances.view import addressed_instance


class UnsignedAddressView(APIView):
    @documented(
        "Show who may send unsigned webhooks to an instance",
        answer=schema.UNSIGNED_ADDRESS,
        example=schema.UNSIGNED_ADDRESS_EXAMPLE,
    )
    def get(self, request: Request, instance_id: str) -> Response:
        """Nobody by default. The address itself was answered once."""
        return Response(shown(unsigned.address_of(addressed_instance(request, instance_id))))

    @documented(
        "Give an instance an address for unsigned webhooks",
        request=schema.UNSIGNED_ADDRESS_WANTED,
        request_example=schema.UNSIGNED_ADDRESS_WANTED_EXAMPLE,
        answer=schema.NEW_UNSIGNED_ADDRESS,
        example=schema.NEW_UNSIGNED_ADDRESS_EXAMPLE,
        errors=[409],
    )
    def post(self, request: Request, instance_id: str) -> Response:
        """Anyone who has the address, and sends from one of `networks`, makes events of the
        instance: for providers that sign nothing, whose element says so (`proof` is `none`); 409
        for any other. A former address takes nothing more. `url` is answered this once."""
        instance = addressed_instance(request, instance_id)
        networks = networks_of(json_object(request.data))
        url = unsigned.open_address(instance, networks, timezone.now())
        return Response({"url": url, **shown(unsigned.address_of(instance))})

    @documented(
        "Let other networks send unsigned webhooks to an instance",
        request=schema.UNSIGNED_ADDRESS_WANTED,
        request_example=schema.UNSIGNED_ADDRESS_WANTED_EXAMPLE,
        answer=schema.UNSIGNED_ADDRESS,
        example=schema.UNSIGNED_ADDRESS_EXAMPLE,
        errors=[409],
    )
    def patch(self, request: Request, instance_id: str) -> Response:
        """The address stays the same; 409 where there is none."""
        instance = addressed_instance(request, instance_id)
        networks = networks_of(json_object(request.data))
        return Response(shown(unsigned.change_networks(instance, networks)))

    @documented("Take no more unsigned webhooks for an instance")
    def delete(self, request: Request, instance_id: str) -> Response:
        unsigned.close_address(addressed_instance(request, instance_id))
        return Response()


def shown(row: UnsignedAddress | None) -> dict[str, Any]:
    if row is None:
        row = UnsignedAddress(networks=[])
    refused = row.refused_at is not None
    return {
        "enabled": row.pk is not None,
        "networks": row.networks,
        "createdDate": timestamp(row.created_at),
        "receivedDate": timestamp(row.received_at),
        "refused": {"address": row.refused_from, "date": timestamp(row.refused_at)}
        if refused
        else None,
    }
