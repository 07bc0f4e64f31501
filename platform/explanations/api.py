"""…/events/explanation: how a notification came about, and why one did not."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import BadRequest
from api.fields import integer, text
from api.permissions import IsAnyCaller
from api.schema import documented
from explanations import explain, schema
from explanations.scope import scope_of

LONGEST_ID = 500  # characters of an object's id
QUESTIONS = ("webhookId", "eventId", "objectId")


class ExplanationView(APIView):
    """GET /instances/events/explanation and GET /instances/{id}/events/explanation."""

    permission_classes = [IsAnyCaller]

    @documented(
        "Explain an event, or why there is none",
        answer=schema.EXPLANATION,
        example=schema.EXAMPLE,
        parameters=schema.QUESTION,
        errors=[404],
    )
    def get(self, request: Request, instance_id: str | None = None) -> Response:
        """Takes one of `webhookId`, `eventId` and `objectId`, and answers the whole chain of each
        event: the provider's records, the poll that found them, the deliveries with every attempt,
        and how to send it again. Of an object also what is known where no event tells of it.

        With an Element token, of its instance only. Secrets are masked.
        """
        scope = scope_of(request, instance_id)
        query = request.query_params
        given = [name for name in QUESTIONS if query.get(name, "").strip()]
        if len(given) != 1:
            raise BadRequest(f"give one of {', '.join(QUESTIONS)}; {len(given)} are given")
        if webhook_id := text(query, "webhookId"):
            return Response(explain.of_webhook(scope, webhook_id))
        event_id = integer(query, "eventId")
        if event_id is not None:
            return Response(explain.of_event(scope, event_id))
        return Response(explain.of_object(scope, text(query, "objectId", longest=LONGEST_ID)))
