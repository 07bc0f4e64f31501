"""What one version writes of an account is the other's of an organization, while both run."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts.models import Account
from accounts.provision import NewOrganization
from inbox.models import Inbox
from instances.models import IdempotencyKey

INSERT_OF_THE_VERSION_BEFORE = """
INSERT INTO instances_idempotencykey
       (organization_id, key, request_digest, answer, held_until, created_at)
VALUES (%s, %s, 'd', '', now(), now())
"""


def claim(account: Account, key: str) -> None:
    now = timezone.now()
    IdempotencyKey.objects.create(
        account=account, key=key, request_digest="d", held_until=now, created_at=now
    )


def claim_as_before(organization: NewOrganization, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT_OF_THE_VERSION_BEFORE, [organization.organization.pk, key])


def seen_by_the_version_before(organization: NewOrganization) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key FROM instances_idempotencykey WHERE organization_id = %s ORDER BY key",
            [organization.organization.pk],
        )
        return [key for (key,) in cursor.fetchall()]


def default_of(organization: NewOrganization) -> Account:
    return Account.objects.get(organization=organization.organization, is_default=True)


def test_what_the_version_before_claims_is_the_default_account_s(
    organization: NewOrganization,
) -> None:
    claim_as_before(organization, "a key")
    [row] = IdempotencyKey.objects.all()
    assert (row.account, row.key) == (default_of(organization), "a key")
    with pytest.raises(IntegrityError, match="one_use_of_a_key"):
        claim(default_of(organization), "a key")


def test_the_version_before_sees_what_the_default_account_claims_and_no_other_s(
    organization: NewOrganization,
) -> None:
    other = Account.objects.create(
        organization=organization.organization, name="Another", external_id="another"
    )
    claim(default_of(organization), "a key")
    claim(other, "a key")
    claim(other, "another key")
    assert seen_by_the_version_before(organization) == ["a key"]


def test_an_inbox_that_the_version_before_makes_is_the_default_account_s(
    organization: NewOrganization,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox_inbox (organization_id, key, key_digest, received, created_at)"
            " VALUES (%s, '', 'd', 0, now())",
            [organization.organization.pk],
        )
    assert Inbox.objects.get().account == default_of(organization)


def test_the_version_before_sees_the_inbox_of_the_default_account_and_no_other_s(
    organization: NewOrganization,
) -> None:
    other = Account.objects.create(
        organization=organization.organization, name="Another", external_id="another"
    )
    own = Inbox.objects.create(account=default_of(organization), key="k", key_digest="1")
    Inbox.objects.create(account=other, key="l", key_digest="2")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM inbox_inbox WHERE organization_id IS NOT NULL")
        assert cursor.fetchall() == [(own.pk,)]
