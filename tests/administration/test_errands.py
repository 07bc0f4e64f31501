"""Actions on one row and on many: at once or by an errand, each row once, whoever is killed."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.models import User
from administration import errands
from administration.deeds import DEEDS, Within
from administration.errands import begin
from administration.models import Errand, ErrandStatus
from administration.roles import OPERATOR
from audit.models import Action as AuditAction
from audit.models import AuditEntry
from events.models import Delivery, Event, Subscription
from instances.models import ElementInstance
from polling.models import PollingResource
from tests.administration.world import World, address, new_world, signed_in
from tests.all_due import run_all_errands
from tests.killed_worker import FINISHED, KilledWorker

LIST = address(ElementInstance)
MANY = 30


def cancelled(message: str) -> OperationalError:
    """As Django raises it: PostgreSQL's code of the error is its cause's."""
    error = OperationalError(message)
    error.__cause__ = psycopg.errors.QueryCanceled(message)
    return error


@pytest.fixture
def world(db: None) -> World:
    """An organization with nothing yet."""
    return new_world()


def act(browser: Client, deed: str, ids: list[int], query: str = "", **more: Any) -> str:
    """Run the action of the list, and confirm it where that is asked."""
    data = {"action": deed, "_selected_action": ids, "confirmed": "yes", **more}
    return browser.post(f"{LIST}{query}", data, follow=True).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ("", []),
        ("?element_key=gmail&state=connected", ["element: gmail", "state: connected"]),
        ("?q=rare&events_enabled__exact=0", ["search: “rare”", "events enabled: No"]),
    ],
)
def test_an_action_on_all_asks_first_and_says_which_and_what_follows(
    world: World, query: str, phrases: list[str]
) -> None:
    world.connect(3)
    ElementInstance.objects.update(problem="", name="rare")
    browser = signed_in(role=OPERATOR)
    for key, deed in DEEDS.items():
        if deed.model is not ElementInstance:
            continue
        data = {"action": key, "_selected_action": [1], "select_across": "1"}
        page = browser.post(f"{LIST}{query}", data)
        assert page.status_code == 200
        assert page.context["amount"] == "3 instances"
        assert page.context["phrases"] == phrases
        assert escape(deed.consequence) in page.content.decode()
    assert not Errand.objects.exists()
    assert ElementInstance.objects.filter(enabled=True).count() == 3

    form = re.findall(r'name="(\w+)" value="([^"]*)"', page.content.decode())
    answers = {name: value for name, value in form if name != "csrfmiddlewaretoken"}
    browser.post(f"{LIST}{query}", answers)
    assert (Errand.objects.get().query, Errand.objects.get().ids) == (query[1:], None)


@pytest.mark.django_db
def test_an_action_on_many_that_are_ticked_asks_first(world: World) -> None:
    ids = world.connect(25)
    browser = signed_in(role=OPERATOR)
    page = browser.post(LIST, {"action": "poll_now", "_selected_action": ids})
    assert "25 instances that you selected" in page.content.decode()
    assert not Errand.objects.exists()
    asked = re.findall(r'name="_selected_action" value="(\d+)"', page.content.decode())
    assert [int(one) for one in asked] == ids


def asker() -> User:
    """Who is signed in by signed_in(role=OPERATOR)."""
    return User.objects.get(username="operator@example.com")


@pytest.mark.django_db
def test_a_few_are_done_at_once(world: World) -> None:
    one, other = world.connect(2)
    text = act(signed_in(role=OPERATOR), "disable", [one])
    assert "Disable: 1 done." in text
    assert list(ElementInstance.objects.filter(enabled=False).values_list("pk", flat=True)) == [one]
    assert "Disable: 0 done, 1 as it should be already." in act(
        signed_in(superuser=True), "disable", [one]
    )
    assert not Errand.objects.exists()
    assert ElementInstance.objects.get(pk=other).enabled


@pytest.mark.django_db
def test_what_is_selected_across_pages_is_done_by_the_worker(world: World) -> None:
    ids = world.connect(MANY)
    left_out = ids[0]
    ElementInstance.objects.filter(pk=left_out).update(element_key="github")
    browser = signed_in(role=OPERATOR)

    text = act(browser, "disable", ids[:1], "?element_key=gmail", select_across="1")

    assert "the worker does it" in text
    assert ElementInstance.objects.filter(enabled=True).count() == MANY
    its_page = address(Errand, "change", Errand.objects.get().pk)
    assert browser.get(its_page)["Refresh"]
    (later,) = world.connect(1)
    run_all_errands()
    errand = Errand.objects.get()
    assert (errand.status, errand.total) == (ErrandStatus.DONE, MANY - 1)
    assert (errand.changed, errand.unchanged, errand.failed) == (MANY - 1, 0, 0)
    told = AuditEntry.objects.filter(action=AuditAction.INSTANCE_CHANGED, user_id=asker().pk)
    assert told.count() == MANY - 1  # the worker did it, on somebody's behalf
    on = set(ElementInstance.objects.filter(enabled=True).values_list("pk", flat=True))
    assert on == {left_out, later}
    page = browser.get(LIST).content.decode()
    assert f"Disable: {MANY - 1} done." in page
    assert "Refresh" not in browser.get(its_page).headers
    assert "Disable:" not in browser.get(LIST).content.decode()  # told once


@pytest.mark.django_db
def test_a_page_that_renews_a_part_of_itself_takes_no_message(world: World) -> None:
    world.connect(1)
    browser = signed_in(role=OPERATOR)
    begin("disable", asker(), timezone.now())
    run_all_errands()
    browser.get("/admin/", headers={"HX-Request": "true"})
    assert "Disable: 1 done." in browser.get("/admin/").content.decode()


@pytest.mark.django_db
def test_what_is_on_already_is_counted_as_that(world: World) -> None:
    organization = world.new.organization
    rows = [Subscription(organization=organization, url="https://example.com/") for _ in range(3)]
    for row in rows:
        row.save()
    Subscription.objects.filter(pk=rows[0].pk).update(active=False)
    signed_in(role=OPERATOR)
    errand = begin("turn_on_and_send_queued", asker(), timezone.now())
    errands._work(errand)
    errand.refresh_from_db()
    assert (errand.changed, errand.unchanged) == (1, 2)


@pytest.mark.django_db
def test_selecting_thousands_reads_none_of_them(
    world: World, django_assert_max_num_queries: Any
) -> None:
    ids = world.connect(MANY)
    browser = signed_in(superuser=True)
    data = {"action": "poll_now", "_selected_action": ids[:1], "select_across": "1"}
    with django_assert_max_num_queries(20):
        browser.post(LIST, data)
    data["confirmed"] = "yes"
    with django_assert_max_num_queries(20):
        browser.post(LIST, data)
    assert Errand.objects.get().ids is None


@pytest.mark.django_db
def test_more_than_a_few_that_are_ticked_go_the_same_way(world: World) -> None:
    ids = world.connect(25)
    PollingResource.objects.filter(instance__in=ids[:5]).delete()
    PollingResource.objects.update(next_poll_at=timezone.now().replace(year=2040))

    assert "the worker does it" in act(signed_in(role=OPERATOR), "poll_now", ids)

    run_all_errands()
    errand = Errand.objects.get()
    assert (errand.changed, errand.failed) == (20, 5)
    assert {one["id"] for one in errand.failures} == set(ids[:5])
    assert "events are off" in errand.failures[0]["reason"]
    assert not PollingResource.objects.filter(next_poll_at__year=2040).exists()


@pytest.mark.django_db
def test_errands_take_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "BATCH", 2)
    ids = world.connect(5)
    signed_in(role=OPERATOR)
    long = begin("disable", asker(), timezone.now())
    short = begin("poll_now", asker(), timezone.now(), ids=ids[:1])
    seen: list[int] = []
    work = errands._work

    def seen_at_work(errand: Errand) -> None:
        seen.append(errand.pk)
        work(errand)

    monkeypatch.setattr(errands, "_work", seen_at_work)
    run_all_errands()
    assert seen[:2] == [long.pk, short.pk]
    assert set(Errand.objects.values_list("status", flat=True)) == {ErrandStatus.DONE}


@pytest.mark.django_db
def test_who_may_no_longer_act_gets_nothing_done(world: World) -> None:
    world.connect(1)
    signed_in(role=OPERATOR)
    errand = begin("disable", asker(), timezone.now())
    asker().groups.remove(Group.objects.get(name=OPERATOR))
    run_all_errands()
    errand.refresh_from_db()
    assert errand.status == ErrandStatus.STOPPED
    assert ElementInstance.objects.get().enabled


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["token_digest__startswith=d", "element_key=%00", "q=%00"])
def test_a_query_that_the_list_does_not_take_ends_the_errand(world: World, query: str) -> None:
    world.connect(1)
    signed_in(role=OPERATOR)
    errand = begin("disable", asker(), timezone.now(), query=query)
    run_all_errands()
    errand.refresh_from_db()
    assert errand.status == ErrandStatus.STOPPED
    assert ElementInstance.objects.get().enabled


@pytest.mark.django_db
def test_a_cancelled_errand_goes_no_further(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "BATCH", 2)
    world.connect(4)
    browser = signed_in(role=OPERATOR)
    errand = begin("disable", asker(), timezone.now())
    errands._work(errand)
    data = {"action": "cancel", "_selected_action": [errand.pk]}
    assert "1 cancelled" in browser.post(address(Errand), data, follow=True).content.decode()
    errands._work(errand)
    run_all_errands()
    assert ElementInstance.objects.filter(enabled=False).count() == 2
    errand.refresh_from_db()
    assert (errand.status, errand.changed) == (ErrandStatus.CANCELLED, 2)
    of_it = AuditEntry.objects.filter(subject_kind="errand", subject_id=errand.pk)
    assert of_it.filter(user_id=asker().pk).exists()


@pytest.mark.django_db
def test_a_defect_holds_up_no_other_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = world.connect(3)
    signed_in(role=OPERATOR)
    disable = DEEDS["disable"]

    def do(row_id: int, within: Within, now: datetime) -> bool:
        if row_id == ids[0]:
            raise ValueError("a defect")
        return disable.do(row_id, within, now)

    monkeypatch.setitem(DEEDS, "disable", replace(disable, do=do))
    errand = begin("disable", asker(), timezone.now())
    run_all_errands()
    errand.refresh_from_db()
    assert (errand.status, errand.changed, errand.failed) == (ErrandStatus.DONE, 2, 1)


@pytest.mark.django_db
def test_an_errand_that_the_database_refuses_each_time_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = world.connect(1)
    signed_in(role=OPERATOR)
    refused, other = (begin("disable", asker(), timezone.now(), ids=ids) for _ in range(2))
    work = errands._work

    def refuse(errand: Errand) -> None:
        if errand.pk == refused.pk:
            raise cancelled("canceling statement due to lock timeout")
        work(errand)

    monkeypatch.setattr(errands, "_work", refuse)
    for _ in range(3):
        with suppress(OperationalError):
            run_all_errands()
    other.refresh_from_db()
    assert other.status == ErrandStatus.DONE


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_each_time_fails_after_some_tries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, *others = world.connect(3)
    signed_in(role=OPERATOR)
    errand = begin("disable", asker(), timezone.now())
    deed = DEEDS["disable"]

    def refuse(row_id: int, within: Within, now: datetime) -> bool:
        if row_id == refused:
            raise cancelled("canceling statement due to lock timeout\nCONTEXT: a tuple")
        return deed.do(row_id, within, now)

    monkeypatch.setitem(DEEDS, "disable", replace(deed, do=refuse))
    for _ in range(errands.TRIES - 1):
        with pytest.raises(OperationalError):
            run_all_errands()
    errand.refresh_from_db()
    assert (errand.position, errand.done) == (0, 0)  # it may go well yet

    run_all_errands()

    errand.refresh_from_db()
    assert (errand.status, errand.changed, errand.failed) == (ErrandStatus.DONE, len(others), 1)
    reason = "the database refuses it: canceling statement due to lock timeout"
    assert errand.failures == [{"id": refused, "reason": reason}]


@pytest.mark.django_db
def test_an_errand_whose_rows_cannot_be_looked_for_ends_after_some_tries(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.connect(1)
    signed_in(role=OPERATOR)
    errand = begin("disable", asker(), timezone.now(), query="q=mailbox")

    def refuse(*_: Any) -> None:
        raise cancelled("canceling statement due to statement timeout\nCONTEXT: a query")

    monkeypatch.setattr(errands, "rows_of", refuse)
    for _ in range(errands.TRIES - 1):
        with pytest.raises(OperationalError):
            run_all_errands()
    errand.refresh_from_db()
    assert errand.finished_at is None  # it may go well yet

    run_all_errands()

    errand.refresh_from_db()
    why = "Its rows could not be looked for: canceling statement due to statement timeout"
    assert (errand.status, errand.error) == (ErrandStatus.STOPPED, why)


@pytest.mark.django_db
def test_what_is_no_id_of_a_row_is_refused(world: World) -> None:
    (one,) = world.connect(1)
    browser = signed_in(superuser=True)
    for wrong in ("²", "abc", "1\0", "9" * 5000):
        data = {"action": "disable", "_selected_action": [one, wrong]}
        page = browser.post(LIST, data, follow=True)
        assert page.status_code == 200, wrong
        assert "nothing was done" in page.content.decode(), wrong
    assert ElementInstance.objects.get(pk=one).enabled


@pytest.mark.django_db
def test_a_reconnect_link_goes_to_whoever_hears_of_it_or_says_that_nobody_does(
    world: World,
) -> None:
    (one,) = world.connect(1)
    browser = signed_in(role=OPERATOR)
    assert "nobody would get it" in act(browser, "reconnect", [one])
    assert not Event.objects.filter(topic="instance.authorization.wanted").exists()
    Subscription(
        organization=world.new.organization,
        topics=["instance.authorization.wanted"],
        url="https://example.com/topics",
    ).save()
    assert "Send reconnect link: 1 done." in act(browser, "reconnect", [one])
    event = Event.objects.get(topic="instance.authorization.wanted")
    assert "/reconnect/" in event.body
    assert Delivery.objects.get(event=event).subscription.instance is None


@pytest.fixture
def worker(transactional_db: None) -> Iterator[KilledWorker]:
    worker = KilledWorker("tests.all_due.run_all_errands")
    yield worker
    worker.close()


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_at_any_statement_leaves_each_row_done_once(
    worker: KilledWorker, world: World
) -> None:
    """Sending a link is what one would notice most if it were done twice."""
    ids = world.connect(2)
    organization = world.new.organization
    topic = "instance.authorization.wanted"
    Subscription(organization=organization, topics=[topic], url="https://example.com/t").save()
    signed_in(role=OPERATOR)
    statement, ended = 0, int(signal.SIGKILL)
    while ended != FINISHED:
        statement += 2
        errand = begin("reconnect", asker(), timezone.now())
        ended = worker.run(statement)
        assert ended in {int(signal.SIGKILL), FINISHED}
        run_all_errands()
        errand.refresh_from_db()
        assert (errand.status, errand.changed, errand.failed) == (ErrandStatus.DONE, 2, 0)
        sent = Event.objects.filter(topic=topic).values_list("instance_id", flat=True)
        assert sorted(sent) == ids, statement
        Delivery.objects.filter(event__topic=topic).delete()
        Event.objects.filter(topic=topic).delete()
        errand.delete()
    assert statement > 20, "the worker was never killed within its work"
