"""Who may call and sign in: users and accounts, switched off and on again, and removed.

Rule 1: who loses access is told to the rooms above in the same transaction
(`accounts.signals.access_changed`), so that nothing goes on being polled for someone who is gone.
Rule 2: whoever starts something that lasts on a user's behalf asks `held` in its transaction. That
locks the answer, so that of "start" and "switch off" at once the one sees the other.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Account, RoleGrant, User
from accounts.signals import access_changed
from audit.models import Action
from audit.record import record

USER_HELD = "SELECT is_active, account_id FROM accounts_user WHERE id = %s FOR SHARE"
ACCOUNT_HELD = "SELECT active FROM accounts_account WHERE id = %s FOR SHARE"


def held(user_id: int) -> bool:
    """Whether the user has access, which stays so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(USER_HELD, [user_id])
        row: Any = cursor.fetchone()
        if row is None or not row[0]:
            return False
        if row[1] is None:
            return True
        cursor.execute(ACCOUNT_HELD, [row[1]])
        account: Any = cursor.fetchone()
        return account is not None and bool(account[0])


def set_user_active(user: User, active: bool) -> None:
    """Gives a user access, or takes it; the account's own access stays as it is."""
    with transaction.atomic():
        changed = User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active)
        user.is_active = active
        if changed:
            action = Action.USER_ON if active else Action.USER_OFF
            record(action, user.organization_id, "user", user.pk, account_id=user.account_id)
        if changed and (user.account is None or user.account.active):
            _tell([user.pk], open_=active)


def set_account_active(account: Account, active: bool) -> None:
    """Gives all users of an account access, or takes it. Not for the default account.

    Raises IntegrityError for an external id that another active account has by now.
    """
    with transaction.atomic():
        changed = Account.objects.filter(pk=account.pk, active=not active).update(
            active=active, updated_at=timezone.now()
        )
        account.active = active
        if changed:
            action = Action.ACCOUNT_ON if active else Action.ACCOUNT_OFF
            record(
                action,
                account.organization_id,
                "account",
                account.pk,
                account.name,
                account_id=account.pk,
            )
            # Those who are off themselves have no access either way.
            users = User.objects.filter(account=account, is_active=True)
            _tell(list(users.order_by("pk").values_list("pk", flat=True)), open_=active)


def remove_user(user: User) -> None:
    """Removes a user for good: access, secret, roles, name and address. The address is free again.

    The row stays, without a person behind it: what the user connected is the organization's.
    """
    with transaction.atomic():
        set_user_active(user, False)
        RoleGrant.objects.filter(user=user).delete()
        user.username = user.email = f"removed-{user.pk}@invalid.invalid"
        user.address_verified_at = None
        user.first_name = user.last_name = ""
        user.secret_digest = None
        user.secret_hint = ""
        user.set_unusable_password()
        user.is_staff = user.is_superuser = False
        user.removed_at = timezone.now()
        user.save()


def _tell(user_ids: list[int], *, open_: bool) -> None:
    if user_ids:
        access_changed.send(sender=User, user_ids=user_ids, open=open_)
