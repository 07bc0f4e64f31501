"""Deeds as actions of a list: done at once to a few rows; to more by an errand, once confirmed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts.models import User
from administration import errands
from administration.deeds import DEEDS, Deed, Refused, outcome
from administration.page import M, Page
from administration.selection import in_words

MOST_AT_ONCE = 20  # rows
Action = Callable[..., HttpResponse | None]


class ActingPage(Page[M]):
    """A list whose rows something can be done to, by those who may change them."""

    deeds: tuple[str, ...] = ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if not self.has_act_permission(request):
            return {}
        return actions | {key: (partial(_act, key), key, DEEDS[key].label) for key in self.deeds}


def _act(
    key: str, page: ActingPage[Any], request: HttpRequest, rows: QuerySet[Any]
) -> HttpResponse | None:
    confirmed = request.POST.get("confirmed") == "yes"
    if request.POST.get("select_across") == "1":
        if not confirmed:
            return _asked(key, page, request, page.get_paginator(request, rows, 1), across=True)
        _begin(key, request, query=request.GET.urlencode())
        return None
    chosen = list(rows.order_by("pk"))
    if len(chosen) <= MOST_AT_ONCE and DEEDS[key].at_once:
        do_at_once(page, request, DEEDS[key], chosen)
    elif not confirmed:
        return _asked(key, page, request, Paginator(chosen, 1), across=False)
    else:
        _begin(key, request, ids=[row.pk for row in chosen])
    return None


def _asked(
    key: str,
    page: ActingPage[Any],
    request: HttpRequest,
    rows: Paginator[Any],
    *,
    across: bool,
) -> HttpResponse:
    """Ask whether it is meant: how many rows, which ones, and what follows. `across` means all
    that the list shows, on every page.
    """
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - nobody else gets here
    count, names = rows.count, page.opts
    noun = names.verbose_name if count == 1 else names.verbose_name_plural
    about = "about " if getattr(rows, "estimated", False) else ""
    context = {
        **page.admin_site.each_context(request),
        "title": DEEDS[key].label,
        "opts": names,
        "deed": DEEDS[key],
        "key": key,
        "amount": f"{about}{count:,} {noun}",
        "across": across,
        "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "phrases": in_words(page.model, request.GET.urlencode(), user) if across else [],
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "administration/confirm.html", context)


def _begin(key: str, request: HttpRequest, **selection: Any) -> None:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - nobody else gets here
    errand = errands.begin(key, user, timezone.now(), **selection)
    address = reverse("admin:administration_errand_change", args=[errand.pk])
    said = '{}: the worker does it, and you are told when it is done. <a href="{}">Look at it.</a>'
    messages.info(request, format_html(said, DEEDS[key].label, address))


def do_at_once(page: Page[Any], request: HttpRequest, deed: Deed, rows: list[Model]) -> None:
    """Does it while somebody waits, and says what came of it."""
    changed = unchanged = 0
    for row in rows:
        logged = partial(page.log_change, request, row, f"{deed.label}.")
        try:
            if deed.do(row.pk, logged, timezone.now()):
                changed += 1
            else:
                unchanged += 1
        except Refused as error:
            messages.error(request, f"{deed.label}: {row}: {str(error).removesuffix('.')}.")
    if changed or unchanged:
        level = messages.SUCCESS if changed else messages.INFO
        messages.add_message(request, level, outcome(deed.label, changed, unchanged))
