"""What the endpoints share that act on the Element token's instance, whichever room they are in."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.views import APIView

from api.authentication import Caller, caller_of
from api.errors import Forbidden
from api.permissions import IsElementCaller
from instances import provision
from instances.models import ElementInstance


def addressed_instance(request: Request, instance_id: str) -> ElementInstance:
    """The instance within the caller's reach that the path names. Raises NotFound."""
    caller = caller_of(request)
    if caller.addressed is not None and caller.addressed.pk == int(instance_id):
        return caller.addressed
    return provision.find(caller.reach, int(instance_id), known=caller.user)


class ElementTokenView(APIView):
    """Its answers, errors too, say in a header which instance the token is of."""

    permission_classes = [IsElementCaller]

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        caller = request.auth
        if isinstance(caller, Caller) and caller.instance is not None:
            self.headers["Elements-Element-Instance-Id"] = str(caller.instance.pk)

    def instance(self, request: Request) -> ElementInstance:
        """The token's, disabled or not."""
        instance = caller_of(request).instance
        assert instance is not None  # noqa: S101 - IsElementCaller
        return instance

    def enabled_instance(self, request: Request) -> ElementInstance:
        """The token's. Raises Forbidden when it is disabled."""
        instance = self.instance(request)
        if not instance.enabled:
            raise Forbidden("The element instance is disabled")
        return instance
