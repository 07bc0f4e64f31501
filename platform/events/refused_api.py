"""/instances/{id}/refused-webhooks: what its provider sent, proven, and nothing was made of."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.paging import whole_list
from api.schema import WHOLE, documented, listed
from api.timestamp import timestamp
from events import receiver, receiver_schema
from events.models import RefusedWebhook
from instances.view import addressed_instance


class RefusedWebhooksView(APIView):
    @documented(
        "List the refused webhooks of an instance",
        answer=listed(receiver_schema.REFUSED),
        example=[receiver_schema.REFUSED_EXAMPLE],
        pages=WHOLE,
    )
    def get(self, request: Request, instance_id: str) -> Response:
        """Those that were signed rightly and are not understood, the latest first: a hundred of an
        instance, and a million bytes, for 30 days."""
        found = addressed_instance(request, instance_id)
        rows = RefusedWebhook.objects.filter(instance=found).order_by("-last_received_at", "-id")
        return whole_list([refused_shown(row) for row in rows])


class ReadAgainView(APIView):
    @documented("Read a refused webhook again", errors=[409, 422])
    def post(self, request: Request, instance_id: str, refused_id: str) -> Response:
        """Makes its event, as the element reads it now; it is refused no more. 422 where it is
        still not understood."""
        found = addressed_instance(request, instance_id)
        receiver.read_again(found, int(refused_id), timezone.now())
        return Response()


def refused_shown(row: RefusedWebhook) -> dict[str, Any]:
    body = bytes(row.body)
    return {
        "id": row.pk,
        "reason": row.reason,
        "createdDate": timestamp(row.created_at),
        "lastReceivedDate": timestamp(row.last_received_at),
        "times": row.times,
        "contentType": row.media_type,
        "headers": row.headers,
        "size": row.size,
        "body": body.decode("utf-8", "replace") if len(body) == row.size else None,
    }
