"""Everything that happens in an organization, newest first, and who did what."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import provision
from accounts.access import remove_user
from accounts.models import Account, RoleGrant, User
from accounts.provision import NewOrganization, create_user
from accounts.roles import CATALOGUE
from audit.models import Action, AuditEntry, Source
from console.place import Place
from events.models import Delivery, DeliveryStatus, Event
from instances.models import ElementInstance
from polling.models import PollingResource, PollOutcome, PollRun
from tests.events.found import changes, new_instance, record

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def reader(reader: Client) -> Client:
    """Nothing is told of yet."""
    AuditEntry.objects.all().delete()
    return reader


@pytest.fixture
def instance(organization: NewOrganization) -> ElementInstance:
    made = new_instance(organization.organization, url="https://receiver.example/")
    made.name = "Mailbox"
    made.save()
    return made


def page(reader: Client, **asked: str | int) -> str:
    answer = reader.get(f"/activity?{urlencode(asked)}")
    assert answer.status_code == 200
    return answer.content.decode()


def lines(text: str) -> list[str]:
    """What each line says, without markup."""
    found = re.findall(r"<li>\s*<span class=\"when\">(.*?)\n  </li>", text, re.DOTALL)
    return [" ".join(re.sub("<[^>]*>", " ", one).split()) for one in found]


def failed_run(instance: ElementInstance, minutes: int, error: str = "a timeout") -> PollRun:
    resource, _ = PollingResource.objects.get_or_create(
        instance=instance,
        name="changed-messages",
        defaults={
            "organization": instance.organization,
            "interval": 60,
            "next_poll_at": NOW,
        },
    )
    at = NOW - timedelta(minutes=minutes)
    return PollRun.objects.create(
        resource=resource, started_at=at, finished_at=at, outcome=PollOutcome.FAILED, error=error
    )


def entry(user: User, minutes: int = 0, **columns: object) -> AuditEntry:
    return AuditEntry.objects.create(
        **{
            "at": NOW - timedelta(minutes=minutes),
            "organization_id": user.organization_id,
            "user_id": user.pk,
            "action": Action.ORGANIZATION_SECRET,
            "source": Source.API,
            "address": "192.0.2.1",
            **columns,
        }
    )


def test_nothing_yet(reader: Client) -> None:
    assert "Nothing has happened yet" in page(reader)
    assert "Nothing of that happened" in page(reader, kind="polls")


def test_all_of_it_newest_first(reader: Client, instance: ElementInstance, member: User) -> None:
    [event] = record(instance, changes(1, subject="x"))
    Event.objects.update(created_at=NOW - timedelta(minutes=1))
    Delivery.objects.update(
        created_at=NOW, status=DeliveryStatus.RETRY, failures=2, attempts_made=2
    )
    failed_run(instance, 2)
    entry(member, 3, action=Action.EVENTS_OFF, subject_kind="instance", subject_id=instance.pk,
          subject_name="Mailbox", instance_id=instance.pk)  # fmt: skip
    entry(member, 4, action=Action.SIGNED_IN, source=Source.CONSOLE)

    shown = lines(page(reader))

    assert len(shown) == 5
    for line, said in zip(
        shown,
        [
            f"Event {event} of Mailbox did not arrive 2 attempts",
            f"Event {event} of Mailbox",
            "A poll of changed-messages of Mailbox failed a timeout",
            "user@example.com switched events off for the instance Mailbox Over the API · 192.0",
            "user@example.com signed in In the console",
        ],
        strict=True,
    ):
        assert said in line, line


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"kind": "events"}, 1),
        ({"kind": "polls"}, 1),
        ({"kind": "changes"}, 1),
        ({"kind": "sign-ins"}, 1),
        ({"kind": "failures"}, 0),
        ({"kind": "nonsense"}, 4),
        ({"instance": "mailb"}, 2),
        ({"instance": "nothing of that name"}, 0),
        ({"instance": "99999999999999999999"}, 0),
        ({"to": "2020-01-01"}, 0),
        ({"from": "2020-01-01"}, 4),
        ({"from": "tomorrow"}, 4),
        ({"from": "0001-01-01"}, 4),
        ({"to": "9999-12-31"}, 4),
        ({"before": "nonsense"}, 4),
        ({"before": "1577836800000000-0-1"}, 0),
        ({"before": "1577836800000000-0"}, 4),
        ({"before": "-1-0-1"}, 4),
        ({"before": "999999999999999999-0-1"}, 4),
        ({"person": "x"}, 4),
        ({"instance": "a\0b"}, 0),
    ],
)
def test_filters(
    reader: Client,
    instance: ElementInstance,
    member: User,
    asked: dict[str, str],
    count: int,
) -> None:
    record(instance, changes(1, subject="x"))
    failed_run(instance, 2)
    entry(member)
    entry(member, action=Action.SIGNED_IN)
    assert len(lines(page(reader, **asked))) == count


def test_of_one_person(reader: Client, instance: ElementInstance, member: User) -> None:
    record(instance, changes(1, subject="x"))
    other = create_user(member.account, "second@example.com").user  # type: ignore[arg-type]
    entry(member)
    entry(other)
    [shown] = lines(page(reader, person=other.pk))
    assert "second@example.com" in shown


def test_pages_neither_skip_nor_repeat(
    reader: Client, instance: ElementInstance, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.activity.PAGE", 4)
    for minute in range(5):
        record(instance, changes(1, subject=str(minute)))
        failed_run(instance, minute)
        entry(member, minute, changes={"number": minute})
        entry(member, minute, changes={"number": minute + 100})
    for minute, event in enumerate(Event.objects.order_by("pk")):  # all at the same moments
        Event.objects.filter(pk=event.pk).update(created_at=NOW - timedelta(minutes=minute))

    seen: list[str] = []
    text = page(reader)
    while older := re.search(r'href="\?([^"]*before=[^"]*)">Older', text):
        seen += lines(text)
        text = reader.get(f"/activity?{older[1].replace('&amp;', '&')}").content.decode()
    seen += lines(text)

    assert len(seen) == len(set(seen)) == 20
    assert [line[:20] for line in seen] == sorted((line[:20] for line in seen), reverse=True)


def test_the_number_of_queries_is_fixed(
    reader: Client, instance: ElementInstance, member: User
) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            record(instance, changes(1, subject="x"))
            failed_run(instance, 1)
            entry(member)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(reader)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_nothing_of_another_organization(
    reader: Client, instance: ElementInstance, member: User, stranger: User
) -> None:
    theirs = Client()
    theirs.force_login(stranger)
    record(instance, changes(1, subject="x"))
    failed_run(instance, 1)
    entry(member)
    for asked in ({}, {"instance": instance.pk}, {"person": member.pk}):
        shown = page(theirs, **asked)
        assert not [line for line in lines(shown) if "other@example.com" not in line]
        assert "user@example.com" not in shown
        assert "Mailbox" not in shown


def test_what_a_member_sees_of_persons(
    reader: Client, instance: ElementInstance, member: User, organization: NewOrganization
) -> None:
    """As much as the API would tell: of others only what they did with what is of all accounts."""
    peer = create_user(organization.organization.default_account, "second@example.com").user
    entry(member)
    entry(member, action=Action.SIGNED_IN)
    entry(member, action=Action.USER_SECRET, subject_kind="user", subject_id=peer.pk)
    entry(member, action=Action.EVENTS_ON, subject_kind="instance", subject_id=instance.pk,
          subject_name="Mailbox", instance_id=instance.pk)  # fmt: skip
    theirs = Client()
    theirs.force_login(peer)
    shown = page(theirs, kind="changes")
    assert len(lines(shown)) == 2
    assert "user@example.com" not in shown
    assert f"user {member.pk} switched events on" in " ".join(lines(shown))
    assert f"user {member.pk} gave a new secret to the user second@example.com" in " ".join(
        lines(shown)
    )
    RoleGrant.objects.create(user=peer, key="admin")  # of the account that both are in
    assert len(lines(page(theirs, kind="changes"))) == 3 + 0


GONE = 10**9  # the id of an instance that is not there any more


@pytest.mark.parametrize("roles", [[], ["admin"]])
def test_what_was_done_is_seen_in_its_account_and_by_administrators(
    reader: Client, member: User, organization: NewOrganization, roles: list[str]
) -> None:
    """By whoever did it: an administrator of the organization is in the account "another"."""
    accounts = [
        Account.objects.create(organization=organization.organization, external_id=name, name=name)
        for name in ("theirs", "another")
    ]
    owner, outsider = (
        create_user(one, f"of-{one.name}@example.com", roles=[CATALOGUE[key] for key in roles]).user
        for one in accounts
    )
    member.account = outsider.account
    member.save()
    mailbox = new_instance(organization.organization, url="https://receiver.example/")
    mailbox.user = owner
    mailbox.save()
    AuditEntry.objects.all().delete()
    for kind, subject, instance in (
        ("instance", mailbox.pk, mailbox.pk),
        ("instance", GONE, GONE),
        ("subscription", 1, mailbox.pk),
        ("subscription", 1, None),
        ("event", 1, mailbox.pk),
        ("element", 1, None),
    ):
        entry(member, action=Action.INSTANCE_CHANGED, subject_kind=kind, subject_id=subject,
              subject_name=f"their {kind}", instance_id=instance,
              account_id=owner.account_id)  # fmt: skip
    # Of the organization as a whole, and of an account that is neither.
    for kind in ("element", "event", "subscription"):
        entry(member, subject_kind=kind, subject_name="of all accounts", subject_id=1)
    entry(member, subject_kind="account", subject_name="a third", account_id=GONE)

    def seen_by(user: User) -> str:
        client = Client()
        client.force_login(user)
        return " ".join(line for line in lines(page(client, kind="changes")))

    theirs = seen_by(owner)
    assert theirs.count("their ") == 6
    assert "of all accounts" not in theirs
    assert "a third" not in theirs
    assert member.username not in theirs
    assert seen_by(outsider) == ""
    everything = seen_by(member)
    assert (everything.count("their "), everything.count("of all accounts")) == (6, 3)
    assert "a third" in everything


def test_what_was_done_with_an_instance_follows_it_to_another_account(
    reader: Client, instance: ElementInstance, member: User, organization: NewOrganization
) -> None:
    account = Account.objects.create(
        organization=organization.organization, external_id="theirs", name="theirs"
    )
    before = create_user(organization.organization.default_account, "before@example.com").user
    after = create_user(account, "after@example.com").user
    entry(member, action=Action.INSTANCE_CHANGED, subject_kind="instance", subject_id=instance.pk,
          instance_id=instance.pk, account_id=before.account_id)  # fmt: skip
    instance.user = after
    instance.save()

    for user, count in ((before, 0), (after, 1)):
        client = Client()
        client.force_login(user)
        assert len(lines(page(client, kind="changes"))) == count


def test_a_removed_person_is_a_number(reader: Client, member: User) -> None:
    account = member.account
    assert account is not None
    other = provision.create_user(account, "second@example.com").user
    number = entry(other).user_id
    assert "second@example.com gave" in page(reader, kind="changes").replace("</strong>", "")
    remove_user(other)
    shown = page(reader, kind="changes")
    assert f"user {number}" in shown
    assert "second@example.com" not in shown


def test_what_is_gone_is_no_link(reader: Client, instance: ElementInstance, member: User) -> None:
    for key in (instance.pk, instance.pk + 1):
        entry(member, action=Action.INSTANCE_CHANGED, subject_kind="instance", subject_id=key,
              subject_name="Mailbox", instance_id=key)  # fmt: skip
    shown = page(reader)
    assert f'href="/instances/{instance.pk}"' in shown
    assert f'href="/instances/{instance.pk + 1}"' not in shown


def test_what_others_wrote_is_text(reader: Client, instance: ElementInstance, member: User) -> None:
    instance.name = SCRIPT
    instance.save()
    failed_run(instance, 1, SCRIPT)
    entry(member, action=Action.INSTANCE_CHANGED, subject_kind="instance", subject_id=instance.pk,
          subject_name=SCRIPT, changes={"name": [SCRIPT, SCRIPT], SCRIPT: SCRIPT})  # fmt: skip
    assert SCRIPT not in page(reader, instance=SCRIPT)
    assert SCRIPT not in page(reader)


def test_a_place_is_read_as_it_is_written() -> None:
    place = Place(NOW, 2, 17)
    assert Place.read(str(place)) == place
    for text in ("", "_", f"{NOW.isoformat()}_x_1", f"{NOW.isoformat()}_1_-1", "1_1_1"):
        assert Place.read(text) is None
