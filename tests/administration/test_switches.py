"""The switches within the list of instances."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from administration.roles import OPERATOR, READ_ONLY
from instances.models import ElementInstance
from polling.models import PollingResource
from tests.administration.world import SCRIPT, World, address, signed_in

pytestmark = pytest.mark.django_db
LIST = address(ElementInstance)


@pytest.fixture
def instance(world: World) -> ElementInstance:
    """Connected and polled, with events on."""
    found: ElementInstance = world.rows[ElementInstance][0]
    entries = {"changed-messages": {"url": "/hubs/general/changed-messages", "idField": "id"}}
    found.configuration = {
        "oauth.api.key": "a-client",
        "oauth.callback.url": "https://example.com/oauth",
        "event.notification.enabled": "true",
        "event.poller.configuration": json.dumps(entries),
    }
    found.events_enabled = True
    found.save()
    return found


def press(browser: Client, instance: ElementInstance, **button: str) -> str:
    """What the page says after a click."""
    url = reverse("admin:instances_elementinstance_switch", args=[instance.pk])
    answer = browser.post(f"{url}?_changelist_filters=q%3D{instance.pk}", button, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?q={instance.pk}", 302)]
    return answer.content.decode()


def test_events_go_off_and_on_by_a_click(instance: ElementInstance) -> None:
    browser = signed_in(role=OPERATOR)
    assert 'name="off" value=""' in browser.get(LIST).content.decode()

    assert "Events off." in press(browser, instance, off="")

    instance.refresh_from_db()
    assert not instance.events_enabled
    assert 'name="on" value=""' in browser.get(LIST).content.decode()
    press(browser, instance, on="")
    instance.refresh_from_db()
    assert instance.events_enabled
    assert LogEntry.objects.filter(object_id=str(instance.pk)).count() == 2


def test_a_resource_goes_off_and_on_by_a_click(instance: ElementInstance) -> None:
    browser = signed_in(role=OPERATOR)
    press(browser, instance, off="changed-messages")
    row = PollingResource.objects.get()
    assert (row.enabled, row.active) == (False, False)
    press(browser, instance, on="changed-messages")
    row.refresh_from_db()
    assert (row.enabled, row.active) == (True, True)


def test_what_cannot_be_switched_says_so(instance: ElementInstance) -> None:
    browser = signed_in(role=OPERATOR)
    assert "does not name nothing-like-it" in press(browser, instance, off="nothing-like-it")
    assert SCRIPT not in press(browser, instance, off=SCRIPT)


def test_a_page_that_is_refused_changes_nothing_and_says_so(instance: ElementInstance) -> None:
    browser = signed_in(role=OPERATOR)
    page = address(ElementInstance, "change", instance.pk)
    ElementInstance.objects.filter(pk=instance.pk).update(element_key="gone")
    form = {"polling_resources-TOTAL_FORMS": "0", "polling_resources-INITIAL_FORMS": "0"}
    text = browser.post(page, form, follow=True).content.decode()
    assert "Nothing was changed: " in text
    assert "successfully" not in text
    assert not LogEntry.objects.exists()
    instance.refresh_from_db()
    assert instance.enabled
    ElementInstance.objects.filter(pk=instance.pk).update(element_key="gmail")
    assert "successfully" in browser.post(page, form, follow=True).content.decode()
    instance.refresh_from_db()
    assert (instance.enabled, instance.events_enabled) == (False, False)


def test_only_a_click_of_ones_own_switches(instance: ElementInstance) -> None:
    url = reverse("admin:instances_elementinstance_switch", args=[instance.pk])
    reader, operator = signed_in(role=READ_ONLY), signed_in(role=OPERATOR)
    assert reader.post(url, {"off": ""}).status_code == 403
    assert operator.get(url, {"off": ""}).status_code == 405
    assert Client().post(url, {"off": ""}).status_code == 302  # to sign in
    operator.handler.enforce_csrf_checks = True
    assert operator.post(url, {"off": ""}).status_code == 403
    operator.handler.enforce_csrf_checks = False
    for neither in ({}, {"on": "", "off": ""}):
        assert operator.post(url, neither).status_code == 400
    instance.refresh_from_db()
    assert instance.events_enabled
    assert 'class="switch"' not in reader.get(LIST).content.decode()
