"""Tasks and schedules of the worker: what they are given and answer is for superusers alone."""

from __future__ import annotations

import pytest
from django.db.models import Model
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.tasks import async_task

from administration.roles import OPERATOR, READ_ONLY
from tests.administration.world import address, signed_in

pytestmark = pytest.mark.django_db
TYPED = "somebody-typed@example.com"
ROWS = (Success, Failure, Schedule, OrmQ)


@pytest.fixture
def rows(db: None) -> dict[type[Model], Model]:
    """One of each, with what somebody typed in all that a task has."""
    ran = {
        "func": "accounts.password_reset.send",
        "args": (TYPED,),
        "kwargs": {"to": TYPED},
        "result": f"no mail to {TYPED}",
        "started": timezone.now(),
        "stopped": timezone.now(),
    }
    async_task("accounts.password_reset.send", TYPED, broker=get_broker())
    return {
        Success: Success.objects.create(id="a" * 32, name="sent", success=True, **ran),
        Failure: Failure.objects.create(id="b" * 32, name="not sent", success=False, **ran),
        Schedule: Schedule.objects.create(name="sends", func="math.copysign", args=repr((TYPED,))),
        OrmQ: OrmQ.objects.latest("pk"),
    }


@pytest.mark.parametrize("model", ROWS)
@pytest.mark.parametrize("role", [OPERATOR, READ_ONLY])
def test_what_a_task_is_given_is_not_for_every_role(
    rows: dict[type[Model], Model], role: str, model: type[Model]
) -> None:
    browser = signed_in(role=role)
    for page in (address(model), address(model, "change", rows[model].pk)):
        answer = browser.get(page)
        assert answer.status_code == 200
        assert TYPED not in answer.content.decode()


@pytest.mark.parametrize("model", [Success, Failure, Schedule])
def test_a_superuser_sees_it(rows: dict[type[Model], Model], model: type[Model]) -> None:
    page = signed_in(superuser=True).get(address(model, "change", rows[model].pk))
    assert TYPED in page.content.decode()


@pytest.mark.parametrize("model", [Success, Failure, Schedule])
def test_a_list_is_not_asked_for_what_it_does_not_offer(
    rows: dict[type[Model], Model], model: type[Model]
) -> None:
    answer = signed_in(role=READ_ONLY).get(address(model), {"func__startswith": "acc"})
    assert answer.status_code == 400


def test_a_task_is_found_by_its_id_and_run_again_by_it(rows: dict[type[Model], Model]) -> None:
    browser = signed_in(superuser=True)
    failed = rows[Failure]
    for sought, found in ((failed.pk, True), ("b" * 31, False)):
        page = browser.get(address(Failure), {"q": sought}).content.decode()
        assert (address(Failure, "change", failed.pk) in page) is found
    waiting = OrmQ.objects.count()
    browser.post(address(Failure), {"action": "resubmit_task", "_selected_action": [failed.pk]})
    assert OrmQ.objects.count() == waiting + 1
