"""Who sees and may do what: superusers, operators, those who only read, and those with no role."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db.models import Model
from django.urls import reverse

from administration.roles import ACTED_ON, OPERATOR, READ_ONLY, SEEN, keep_roles
from events.models import DeliveryAttempt, Event
from tests.administration.world import ANSWER, PAYLOAD, World, address, models, signed_in

pytestmark = pytest.mark.django_db
ROLES = (OPERATOR, READ_ONLY)


def label(model: type[Model]) -> str:
    return model._meta.label_lower


def test_each_page_opens_for_whom_the_table_says(world: World) -> None:
    browsers = {role: signed_in(role=role) for role in ROLES}
    nobody = signed_in()
    for model in models():
        pages = [address(model)]
        pages += [address(model, "change", row.pk) for row in world.rows.get(model, [])]
        for page in pages:
            assert nobody.get(page).status_code == 403, page
            for role, browser in browsers.items():
                wanted = 200 if label(model) in SEEN else 403
                assert browser.get(page).status_code == wanted, (role, page)


def test_only_an_operator_may_act_and_only_on_what_the_table_says(world: World) -> None:
    browsers = {role: signed_in(role=role) for role in ROLES}
    for model in models():
        assert all(one.get(address(model, "add")).status_code == 403 for one in browsers.values())
        for row in world.rows.get(model, [])[:1]:
            for role, browser in browsers.items():
                page = browser.get(address(model))
                may = role == OPERATOR and label(model) in ACTED_ON
                assert (b'name="action"' in page.content) == may, (role, model)
                assert browser.post(address(model, "delete", row.pk)).status_code == 403
            assert browsers[READ_ONLY].post(address(model, "change", row.pk)).status_code == 403


def test_payloads_are_for_those_to_whom_they_were_given(world: World) -> None:
    pages = [
        address(model, "change", row.pk)
        for model in (Event, DeliveryAttempt, type(world.rows[DeliveryAttempt][0].delivery))
        for row in world.rows[model]
    ]
    browsers = {True: signed_in(superuser=True)}
    for role in ROLES:
        browser = signed_in(role=role)
        for page in pages:
            text = browser.get(page).content.decode()
            assert PAYLOAD not in text, (role, page)
            assert ANSWER not in text, (role, page)
    shown = "".join(browsers[True].get(page).content.decode() for page in pages)
    assert PAYLOAD in shown
    assert ANSWER in shown


def test_nobody_searches_payloads_letter_by_letter(world: World) -> None:
    browser = signed_in(role=READ_ONLY)
    for query in (
        "body__startswith=what",
        "instance__token_digest__startswith=d",
        "message__contains=w",
    ):
        answer = browser.get(f"{address(Event)}?{query}")
        assert answer.status_code in {302, 400}, query


def test_the_sidebar_has_what_one_may_open(world: World) -> None:
    page = signed_in(role=READ_ONLY).get(reverse("admin:index")).content.decode()
    assert address(Event) in page
    assert address(Group) not in page
    assert address(Group) in signed_in(superuser=True).get(reverse("admin:index")).content.decode()


def test_roles_are_what_the_table_says_after_each_migration() -> None:
    operator = Group.objects.get(name=OPERATOR)
    names = {f"{one.content_type.app_label}.{one.codename}" for one in operator.permissions.all()}
    assert "events.view_payload" not in names
    assert "instances.change_elementinstance" in names
    operator.permissions.clear()
    Group.objects.get(name=READ_ONLY).delete()

    keep_roles()

    assert operator.permissions.count() == len(SEEN) + len(ACTED_ON)
    assert Group.objects.get(name=READ_ONLY).permissions.count() == len(SEEN)
