"""Which accounts beside its own a private element is shared with: an `org-admin` decides."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import Caller, caller_of
from api.errors import Forbidden, NotFound
from api.fields import id_in_path
from api.paging import whole_list
from api.permissions import IsAuthenticatedCaller
from api.schema import NUMBER, WHOLE, documented, listed
from elements import register
from elements.api.view import WRITERS

REFUSED = "only administrators of the organization may do this: it takes the role org-admin"


class SharingView(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return [IsAuthenticatedCaller()]

    def administrator(self, request: Request) -> Caller:
        """Raises Forbidden."""
        caller = caller_of(request)
        if not caller.reach.is_whole:
            raise Forbidden(REFUSED)
        return caller


class AccountsView(SharingView):
    @documented(
        "List the accounts that an element of one's own is shared with",
        description="Their ids, without the account that made it. Takes the role org-admin.",
        answer=listed(NUMBER),
        example=[2, 3],
        errors=[403],
        pages=WHOLE,
        needs=WRITERS,
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        caller = self.administrator(request)
        return whole_list(register.shared_with(caller.organization.pk, key_or_id))


class AccountView(SharingView):
    @documented(
        "Share an element of one's own with another account",
        description="The account's users see it and connect accounts by it; they may clone it, and "
        "not change it. Takes the role org-admin.",
        errors=[403],
        needs=WRITERS,
    )
    def put(self, request: Request, key_or_id: str, account_id: str) -> Response:
        caller = self.administrator(request)
        shared = _account(caller, account_id)
        register.share(caller.organization.pk, key_or_id, shared)
        return Response()

    @documented(
        "Share an element of one's own with an account no longer",
        description="What the account has connected by it goes on. Takes the role org-admin.",
        errors=[403],
        needs=WRITERS,
    )
    def delete(self, request: Request, key_or_id: str, account_id: str) -> Response:
        caller = self.administrator(request)
        register.unshare(caller.organization.pk, key_or_id, _account(caller, account_id))
        return Response()


def _account(caller: Caller, account_id: str) -> int:
    """The id of an account of the organization. Raises NotFound."""
    found = caller.organization.accounts.filter(pk=id_in_path(account_id)).first()
    if found is None:
        raise NotFound(f"No account found with id {account_id[:20]}")
    return found.pk
