"""What an entry says, what it leaves out, and that it stays as it was written."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from accounts.access import set_user_active
from accounts.provision import rotate_user_secret
from audit.actor import Actor, acting
from audit.models import Action, AuditEntry, Source
from audit.tasks import remove_old_entries
from elements.calls import Change, ChangeType
from events.changes import record_changes
from events.models import Delivery, DeliveryStatus
from events.redeliver import send_again
from tests.audit.conftest import World
from tests.conftest import ClientFor

API = "/elements/api-v2"

pytestmark = pytest.mark.django_db


def test_fields_are_named_and_secrets_left_out(world: World, client_for: ClientFor) -> None:
    change = {
        "name": "Post",
        "configuration": {
            "event.notification.callback.url": "https://receiver.example/?key=from-the-url",
            "event.notification.signature.key": "a-signature-key",
        },
    }
    path = f"{API}/instances/{world.instance.pk}"
    assert client_for(world.owner).patch(path, change, format="json").status_code == 200

    entry = AuditEntry.objects.get()

    assert entry.changes == {
        "name": ["Mailbox", "Post"],
        "event.notification.callback.url": None,
        "event.notification.signature.key": None,
    }
    assert (entry.subject_kind, entry.subject_id) == ("instance", world.instance.pk)
    assert (entry.subject_name, entry.instance_id) == ("Post", world.instance.pk)
    for secret in ("from-the-url", "a-signature-key", world.token, "client-secret"):
        assert secret not in str(AuditEntry.objects.values())


@pytest.mark.parametrize("on", [True, False])
def test_events_switched_in_the_console(world: World, on: bool) -> None:
    world.instance.events_enabled = not on
    world.instance.configuration["event.notification.enabled"] = str(not on).lower()
    world.instance.save()
    browser = Client()
    browser.force_login(world.owner.user)
    browser.post(f"/instances/{world.instance.pk}/events", {"events": "on" if on else "off"})
    entry = AuditEntry.objects.exclude(action=Action.SIGNED_IN).get()
    assert entry.action == (Action.EVENTS_ON if on else Action.EVENTS_OFF)
    assert entry.source == Source.CONSOLE
    assert entry.changes == {}


def test_what_is_done_in_the_admin(world: World) -> None:
    admin = world.owner.user
    admin.is_staff = admin.is_superuser = True
    admin.save()
    browser = Client(REMOTE_ADDR="192.0.2.4")
    browser.force_login(admin)
    form = {"name": "Renamed", "_save": "Save"}
    path = f"/admin/accounts/organization/{world.owner.organization.pk}/change/"
    assert browser.post(path, form).status_code == 302
    action = {"action": "rotate_secret", "_selected_action": [world.colleague.pk]}
    browser.post("/admin/accounts/user/", action)

    entries = AuditEntry.objects.filter(source=Source.ADMIN)
    assert [(one.action, one.address, one.user_id) for one in entries.order_by("pk")] == [
        (Action.ORGANIZATION_CHANGED, "192.0.2.4", admin.pk),
        (Action.USER_SECRET, "192.0.2.4", admin.pk),
    ]  # and the admin's own log is not told of a second time


def test_what_nobody_watches_is_told_by_the_admins_own_log(world: World) -> None:
    row = Delivery.objects.get(subscription__instance=world.instance)
    said = [{"changed": {"fields": ["Status"]}}]
    with acting(lambda: Actor(world.owner.user.pk, Source.ADMIN)):
        LogEntry.objects.log_actions(
            world.owner.user.pk, [row], CHANGE, change_message=said, single_object=True
        )
    entry = AuditEntry.objects.get()
    assert entry.action == Action.ADMIN_CHANGED
    assert (entry.organization_id, entry.subject_kind) == (row.organization_id, "delivery")
    assert (entry.subject_id, entry.changes) == (row.pk, {"Status": None})


def test_of_what_is_sent_again_one_is_named_and_many_are_counted(world: World) -> None:
    record_changes(
        world.instance,
        "changed-messages",
        [Change("m2", ChangeType.CREATED, {"subject": "another"}, "f")],
        timezone.now(),
    )
    for number, named in ((1, True), (2, False)):
        chosen = Delivery.objects.order_by("pk")[:number]
        Delivery.objects.update(status=DeliveryStatus.QUEUED)
        with acting(lambda: Actor(world.owner.user.pk, Source.SERVER)):
            send_again(Delivery.objects.filter(pk__in=chosen.values("pk")), timezone.now())
        entry = AuditEntry.objects.latest("pk")
        event_id = chosen[0].event_id if named else None
        assert (entry.action, entry.subject_id) == (Action.SENT_AGAIN, event_id)
        assert entry.changes == {"deliveries": number}


def test_what_the_platform_does_by_itself_is_nobodys(world: World) -> None:
    set_user_active(world.colleague, False)
    world.instance.problem = "something"
    world.instance.save()
    assert not AuditEntry.objects.exists()


def test_what_a_worker_does_on_somebodys_behalf(world: World) -> None:
    with acting(lambda: Actor(world.owner.user.pk, Source.SERVER)):
        rotate_user_secret(world.colleague)
    assert AuditEntry.objects.get().user_id == world.owner.user.pk


def test_who_is_removed_is_in_no_entry(world: World, client_for: ClientFor) -> None:
    client = client_for(world.owner)
    path = f"{API}/users/{world.colleague.pk}"
    client.patch(path, {"email": "moved@example.com", "firstName": "Moved"}, format="json")
    client.delete(path)
    assert AuditEntry.objects.count() > 1
    written = str(AuditEntry.objects.values())
    assert "@example.com" not in written
    assert "'Moved'" not in written


def test_an_entry_is_never_changed(world: World, client_for: ClientFor) -> None:
    client_for(world.owner).post(f"{API}/organizations/me/secret")
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        AuditEntry.objects.update(user_id=None)


def test_entries_are_kept_so_long(
    world: World, client_for: ClientFor, settings: LazySettings
) -> None:
    client_for(world.owner).post(f"{API}/organizations/me/secret")
    for days, left in ((360, 1), (370, 0)):
        with time_machine.travel(timezone.now() + timedelta(days=days), tick=False):
            settings.AUDIT_KEPT_DAYS = 0
            assert remove_old_entries() == 0
            settings.AUDIT_KEPT_DAYS = 365
            remove_old_entries()
        assert AuditEntry.objects.count() == left


def test_an_organizations_end_leaves_what_was_done(world: World, client_for: ClientFor) -> None:
    client_for(world.owner).post(f"{API}/organizations/me/secret")
    world.instance.delete()
    world.owner.organization.delete()
    assert AuditEntry.objects.count() == 1
