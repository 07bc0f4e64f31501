"""The form that connects an account, and what comes of sending it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.reach import Reach
from api.errors import BadRequest, Conflict
from api.openapi import PREFIX
from console import forms
from console.addresses import callback_url
from console.controls import Controls, controls_of
from console.failure import FAILED, sentence_of
from console.members import account_of, for_members
from console.trip import kept_of
from elements import catalogue
from elements.errors import ElementNotFound
from elements.types import Element, OAuth2
from inbox.addresses import inbox_url
from instances import census, idempotency, oauth, provision, wish
from instances import configuration as keys
from instances.models import ElementInstance

AT_WORK = "An earlier click is creating it: look among the instances in a moment."
ONCE = "once"  # the field by which a form that is sent twice is known
MOST_TAGS = 20  # that are suggested
NAMES_LOOKED_AT = 200
DATES = (("updated", "Updated"), ("created", "Created"))
# That are suggested for dates, as elements.date_pattern reads them.
FORMATS = (
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "yyyy-MM-dd'T'HH:mm:ss",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd",
    "MM/dd/yyyy HH:mm:ss",
    "dd/MM/yyyy HH:mm:ss",
    "EEE, dd MMM yyyy HH:mm:ss Z",
    "milliseconds",
)


@dataclass(frozen=True, slots=True)
class Posted:
    """The form of an element as it came in; `kept` is what an earlier try had."""

    element: Element
    controls: Controls
    data: QueryDict
    trip: str
    kept: Mapping[str, Any] | None

    def body(self) -> dict[str, Any]:
        """Raises BadRequest where what was posted is no JSON."""
        found = forms.body_posted(self.element, self.controls, self.data)
        return forms.with_kept_secrets(found, self.kept or {})

    def refused(self) -> dict[str, Any]:
        """What of it can be shown again, then."""
        found = forms.body_refused(self.element, self.controls, self.data)
        return forms.with_kept_secrets(found, self.kept or {})


def posted(request: HttpRequest, user: User, reach: Reach, element_key: str) -> Posted:
    """Raises Http404 where the organization has no such element within reach."""
    try:
        element = catalogue.find(element_key, reach.organization.pk, reach.account_id)
    except ElementNotFound as error:
        raise Http404 from error
    trip = request.POST.get("again") or request.GET.get("again") or ""
    kept = _kept_body(request, user, element, trip)
    return Posted(element, controls_of(element, callback_url()), request.POST, trip, kept)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def authenticate(request: HttpRequest, user: User, reach: Reach, element_key: str) -> HttpResponse:
    form = posted(request, user, reach, element_key)
    if request.method != "POST":
        body = form.kept or blank(reach, form.element)
        return _page(request, user, reach, form, body)
    try:
        body = form.body()
    except BadRequest as error:
        return _again(request, user, reach, form, form.refused(), [forms.Fault(str(error))])
    return connect(request, user, reach, form, body)


def connect(
    request: HttpRequest, user: User, reach: Reach, form: Posted, body: dict[str, Any]
) -> HttpResponse:
    """Go on to the provider, or to the instance; where that fails, back to the form with why."""
    try:
        return _connected(request, user, reach, form.element, body)
    except FAILED as error:
        sentence = sentence_of(error, form.element)
        faults = forms.faults_of(sentence, form.element, form.controls)
    return _again(request, user, reach, form, body, faults)


@require_safe
@for_members
def former_address(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    return redirect("console:catalogue")


def _connected(
    request: HttpRequest,
    user: User,
    reach: Reach,
    element: Element,
    body: dict[str, Any],
) -> HttpResponse:
    """To the provider's consent page, or at once to the instance where none is needed."""
    wish.element_of(reach, body, element.key)
    body = {**body, "element": {"key": element.key}}
    wanted = wish.to_create(body)
    if isinstance(element.authentication, OAuth2) and not _has_consent(wanted):
        _require_own_callback(wanted)
        return redirect(oauth.begin(user, request.session, oauth.Request(callback_url(), body)))
    instance_id = _created(request, user, reach, element, wanted, body)
    messages.success(request, "The account is connected.")
    return redirect("console:instance", instance_id)


def _created(
    request: HttpRequest,
    user: User,
    reach: Reach,
    element: Element,
    wanted: provision.Wish,
    body: dict[str, Any],
) -> int:
    """The id of the instance: the same one, however often a page's form is sent as it is."""
    claim = _claimed(user, request.POST.get(ONCE, ""), body)
    if claim.answer is not None:
        return int(claim.answer["id"])
    try:
        made = provision.create(
            user, reach.organization, element, wanted, within=lambda one: claim.keep({"id": one.pk})
        )
    except Exception:
        claim.give_back()
        raise
    return made.pk


def _claimed(user: User, once: str, body: dict[str, Any]) -> idempotency.Claim:
    if not once:
        return idempotency.Claim()
    digest = sha256(json.dumps([once, body]).encode()).hexdigest()
    try:
        claim = idempotency.claim_key(user, f"form {digest}", digest)
    except Conflict as error:
        raise Conflict(AT_WORK) from error
    if claim.answer is None:
        return claim
    made = ElementInstance.objects.filter(user__account=user.account_id, pk=claim.answer["id"])
    return claim if made.exists() else idempotency.Claim()  # deleted, and wanted again


def _has_consent(wanted: provision.Wish) -> bool:
    return wanted.consent.external or wanted.consent.given


def _require_own_callback(wanted: provision.Wish) -> None:
    """The trip ends here: at another address nobody would wait for the code. Raises BadRequest."""
    named = ((wanted.configuration or {}).get(keys.CALLBACK_URL) or "").strip()
    if named not in ("", callback_url()):
        raise BadRequest(f"{keys.CALLBACK_URL}: must be {callback_url()}, to come back here")


def blank(reach: Reach, element: Element) -> dict[str, Any]:
    """Return the body that a new form begins with, under a name that is not taken."""
    rows = reach.rows(ElementInstance).filter(element_key=element.key)
    names = rows.order_by("-pk").values_list("name", flat=True)[:NAMES_LOOKED_AT]
    return forms.blank(element, list(names))


def _again(
    request: HttpRequest,
    user: User,
    reach: Reach,
    form: Posted,
    body: dict[str, Any],
    faults: Sequence[forms.Fault],
) -> HttpResponse:
    """The form with its faults. What was typed is kept, so that it outlives a way elsewhere."""
    aside = oauth.put_aside(user, request.session, oauth.Request(callback_url(), body))
    return _page(request, user, reach, replace(form, trip=str(aside.pk)), body, faults)


def _page(
    request: HttpRequest,
    user: User,
    reach: Reach,
    form: Posted,
    body: Mapping[str, Any],
    faults: Sequence[forms.Fault] = (),
) -> HttpResponse:
    element = form.element
    shown = forms.Form(element, form.controls, forms.masked(element, body), faults)
    context = {
        "element": element,
        "form": shown,
        "again": form.trip,
        "once": secrets.token_urlsafe(16),
        "by_consent": isinstance(element.authentication, OAuth2),
        "api": f"{settings.PUBLIC_URL}{PREFIX}",
        "dates": DATES,
        "formats": FORMATS,
        "unfinished": None if form.trip else oauth.unfinished(user, request.session, element.key),
        "steps": _steps(element),
        "inbox": inbox_url(account_of(user)),
        "usual_tags": census.usual_tags(reach, MOST_TAGS),
    }
    status = 400 if faults else 200
    return render(request, "console/authenticate.html", context, status=status)


def _steps(element: Element) -> list[str]:
    """What to do at the provider, in the element's own words or in general ones."""
    if element.guide is not None:
        return [one.replace("{callbackUrl}", callback_url()) for one in element.guide.steps]
    if isinstance(element.authentication, OAuth2):
        return [f"In your application at {element.name} paste as redirect URI: {callback_url()}"]
    return []


def _kept_body(
    request: HttpRequest, user: User, element: Element, trip: str
) -> Mapping[str, Any] | None:
    """What was filled in for an earlier try with this element."""
    kept = kept_of(request, user, trip)
    if kept is None or kept.instance_id is not None:
        return None
    named = kept.body.get("element")
    key = named.get("key") if isinstance(named, dict) else None
    return kept.body if key in (None, element.key) else None
