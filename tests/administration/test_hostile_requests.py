"""What nobody's browser would ask for: each is answered, and nothing comes of it."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.http import HttpRequest

from accounts.models import User
from administration.page import Page, _lookups
from administration.selection import UnknownSelection, rows_of
from instances.models import ElementInstance
from tests.administration.world import World, address, models, signed_in

pytestmark = pytest.mark.django_db
NUL = "a\0b"
TEXTS = ("9" * 25, "9" * 5000, "²", NUL, "%")


def test_no_search_and_no_filter_of_a_list_fails(world: World) -> None:
    user = User(is_superuser=True)
    for model in models():
        page = admin.site._registry[model]
        assert isinstance(page, Page)
        filters = [name for one in page.get_list_filter(HttpRequest()) for name in _lookups(one)]
        for name in ("q", *filters, *page.asked_by):
            for text in TEXTS:
                with suppress(UnknownSelection):
                    list(rows_of(model, urlencode({name: text}), user)[:1])


def test_a_list_answers_whatever_it_is_asked_for(world: World) -> None:
    browser = signed_in(superuser=True)
    asked = [("q", "9" * 5000), ("q", NUL), ("element_key", NUL), ("p", "9" * 5000)]
    for name, text in asked:
        answer = browser.get(address(ElementInstance), {name: text}, follow=True)
        assert answer.status_code == 200, (name, text)


@pytest.mark.parametrize("text", TEXTS)
def test_no_choice_of_a_field_ends_in_an_error(world: World, text: str) -> None:
    browser = signed_in(superuser=True)
    asked = {"app_label": "accounts", "model_name": "user", "field_name": "organization"}
    answer = browser.get("/admin/autocomplete/", {**asked, "term": text})
    assert answer.json()["results"] == []


def test_an_address_that_is_no_id_is_nothing(world: World) -> None:
    browser = signed_in(superuser=True)
    for model in models():
        opts = model._meta
        for text in ("a%00b", "9" * 25):
            asked = f"/admin/{opts.app_label}/{opts.model_name}/{text}/change/"
            assert browser.get(asked).status_code == 302, asked


def test_there_is_no_search_of_unfolds_own(world: World) -> None:
    assert signed_in(superuser=True).get("/admin/search/?s=a&page=b").status_code == 404
