"""One row of everything that the admin lists, secrets and payloads in each that could have one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, Schedule, Success

from accounts.models import User
from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest
from administration.models import Errand
from audit.models import Action, AuditEntry, Source
from bulk.models import BulkJob
from events.models import (
    Delivery,
    DeliveryAttempt,
    Endpoint,
    Event,
    RefusedWebhook,
    Subscription,
)
from instances.models import Credential, ElementInstance
from polling.models import PollingResource, PollRun, PutAsideObject
from quota.models import QuotaBucket
from watching.models import InstanceWatch

PAYLOAD = "what-a-customer-was-sent"
ANSWER = "what-a-receiver-answered"
SCRIPT = "<script>alert(1)</script>"
SECRETS = (
    "an-instance-token",
    "a-client-secret",
    "an-access-token",
    "a-refresh-token",
    "a-signature-key",
    "a-header-of-the-callback",
    "a-password-in-a-url",
    "a-secret-of-a-watch",
)


@dataclass
class World:
    new: NewOrganization
    count: int = 0
    rows: dict[type[Model], list[Any]] = field(default_factory=dict)

    def fill(self, count: int) -> None:
        """Adds so many rows to each table that has a list."""
        for _ in range(count):
            self._one()

    def connect(self, count: int) -> list[int]:
        """Adds instances, each with a resource that is polled, and nothing else; their ids."""
        return [self._connected()[0].pk for _ in range(count)]

    def _connected(self) -> tuple[ElementInstance, PollingResource]:
        self.count += 1
        n, now = self.count, timezone.now()
        organization = self.new.organization
        instance = ElementInstance(
            organization=organization,
            user=self.new.user,
            element_key="gmail",
            name=SCRIPT,
            tags=[SCRIPT],
            token=SECRETS[0],
            token_digest=f"digest of {n}",
            configuration={
                "event.notification.callback.url": f"https://u:{SECRETS[6]}@example.com/events",
                SCRIPT: SCRIPT,
            },
            secrets=f'{{"oauth.api.secret": "{SECRETS[1]}"}}',
            problem=SCRIPT,
        )
        instance.save()
        resource = PollingResource.objects.create(
            organization=organization,
            instance=instance,
            name="changed-messages",
            interval=900,
            next_poll_at=now,
            configuration={"url": SCRIPT},
            cursor=SCRIPT,
            error=SCRIPT,
        )
        return instance, resource

    def _one(self) -> None:
        instance, resource = self._connected()
        n, now = self.count, timezone.now()
        organization, user = self.new.organization, self.new.user
        credential = Credential(
            instance=instance, access_token=SECRETS[2], refresh_token=SECRETS[3], error=SCRIPT
        )
        credential.save()
        subscription = Subscription(
            organization=organization,
            instance=instance,
            url=f"https://u:{SECRETS[6]}@example.com/events",
            origin="https://example.com",
            signature_key=SECRETS[4],
            headers=f'[["Authorization", "{SECRETS[5]}"]]',
            deactivation_reason=SCRIPT,
        )
        subscription.save()
        event = Event.objects.create(
            organization=organization,
            instance=instance,
            object_type="changed-messages",
            objects_found=[{"objectId": SCRIPT, "eventType": "CREATED"}],
            message=PAYLOAD,
            body=PAYLOAD,
            created_at=now,
        )
        delivery = Delivery.objects.create(
            organization=organization,
            event=event,
            subscription=subscription,
            webhook_id=f"msg_{n}",
            next_attempt_at=now,
            created_at=now,
        )
        watch = InstanceWatch(
            instance=instance, secret=SECRETS[7], configured="x", due_at=now, error=SCRIPT
        )
        watch.save()
        bucket = QuotaBucket.objects.create(subject=f"{SCRIPT} {n}", minute=now, day=now.date())
        made: list[Model] = [
            instance,
            credential,
            resource,
            subscription,
            event,
            delivery,
            watch,
            bucket,
            organization,
            user,
            organization.default_account,
            PutAsideObject.objects.create(
                resource=resource, object_id=SCRIPT, change_type="CREATED", next_try_at=now
            ),
            PollRun.objects.create(
                resource=resource, started_at=now, finished_at=now, outcome="found", error=SCRIPT
            ),
            DeliveryAttempt.objects.create(
                delivery=delivery,
                number=1,
                started_at=now,
                duration_ms=5,
                error=SCRIPT,
                response_excerpt=ANSWER,
            ),
            Endpoint.objects.create(
                organization=organization,
                origin=f"https://{n}.example.com",
                failures=1,
                probes=0,
                updated_at=now,
            ),
            RefusedWebhook.objects.create(
                instance=instance,
                digest=str(n),
                reason=SCRIPT,
                headers={"X-Event": PAYLOAD},
                size=len(PAYLOAD),
                body=PAYLOAD.encode(),
                created_at=now,
                last_received_at=now,
            ),
            BulkJob.objects.create(
                organization=organization,
                instance=instance,
                resource=SCRIPT,
                query=SCRIPT,
                next_run_at=now,
                created_at=now,
            ),
            AuditEntry.objects.create(
                at=now,
                organization_id=organization.pk,
                action=Action.INSTANCE_CHANGED,
                subject_name=SCRIPT,
                changes={SCRIPT: SCRIPT},
                source=Source.CONSOLE,
            ),
            Schedule.objects.create(name=f"{SCRIPT} {n}", func="math.sqrt"),
            Errand.objects.create(
                deed="disable",
                asked_by=user,
                query=SCRIPT,
                until_id=1,
                failed=1,
                failures=[{"id": 1, "reason": SCRIPT}],
                created_at=now,
            ),
            *(
                kind.objects.create(
                    id=f"{kind.__name__} {n}",
                    name=SCRIPT,
                    func="math.sqrt",
                    started=now,
                    stopped=now,
                    success=kind is Success,
                    result=SCRIPT,
                )
                for kind in (Success, Failure)
            ),
        ]
        for row in made:
            self.rows.setdefault(type(row), []).append(row)


def new_world() -> World:
    return World(create_organization(SCRIPT, "customer@example.com"))


def signed_in(*, role: str | None = None, superuser: bool = False) -> Client:
    """The browser of somebody who may open the admin: with a role, with everything, or nothing."""
    name = role or ("superuser" if superuser else "nobody")
    user = User.objects.create(
        username=f"{name.lower()}@example.com",
        is_staff=True,
        is_superuser=superuser,
        secret_digest=digest(name),
    )
    if role is not None:
        user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def models() -> list[type[Model]]:
    """Everything that has pages in the admin."""
    return sorted(admin.site._registry, key=lambda model: model._meta.label)


def address(model: type[Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)
