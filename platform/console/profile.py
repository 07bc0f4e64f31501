"""The page of the person who is signed in: who that is, the secrets, where else it is open."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import provision, sessions
from accounts.api.authority import authority_for, changing_as, roles_of
from accounts.models import Organization, User
from accounts.reach import Reach
from accounts.roles import Rank
from audit.models import Action
from audit.record import record
from console import browser_name
from console.members import WRONG, for_buttons, for_members
from console.passwords import SetsPassword


@require_safe
@for_members
def profile(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    return _page(request, user, reach.organization)


@for_buttons
def new_user_secret(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    """The old one ends at once; the new one is on the page that answers, and never again."""
    try:
        with changing_as(user, reach.organization) as authority:
            new = provision.rotate_user_secret(authority.user)
    except WRONG as error:
        messages.error(request, str(error))
        return redirect("console:profile")
    return _page(request, authority.user, reach.organization, user_secret=new)


@for_buttons
def new_organization_secret(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    try:
        with changing_as(user, reach.organization) as authority:
            authority.require(Rank.ORGANIZATION)
            new = provision.rotate_organization_secret(authority.organization)
    except WRONG as error:
        messages.error(request, str(error))
        return redirect("console:profile")
    return _page(request, user, authority.organization, organization_secret=new)


@for_buttons
def end_session(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    """Ends one session of the person's own; of others none is found."""
    with transaction.atomic():
        ended = sessions.end(user, request.POST.get("session", ""))
        if ended:
            record(Action.SESSIONS_ENDED, reach.organization.pk)
    if ended:
        messages.success(request, "That session is over.")
    else:
        messages.error(request, "That session was over already.")
    return redirect("console:profile")


@for_buttons
def end_other_sessions(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    with transaction.atomic():
        ended = sessions.end_all(user, but=request.session.session_key)
        if ended:
            record(Action.SESSIONS_ENDED, reach.organization.pk)
    messages.success(request, f"Signed out everywhere else: {ended} ended.")
    return redirect("console:profile")


@method_decorator(never_cache, name="dispatch")
class ChangePasswordView(SetsPassword, PasswordChangeView):
    """Ends all other sessions of the person as well."""

    template_name = "console/password_change.html"
    success_url = reverse_lazy("console:profile")

    def password_set(self, person: User) -> None:
        sessions.end_all(person, but=self.request.session.session_key)
        messages.success(self.request, "The password is changed. You are signed out elsewhere.")


def _page(
    request: HttpRequest, user: User, organization: Organization, **shown_once: str
) -> HttpResponse:
    own = request.session.session_key
    running = [
        {
            "name": sessions.name_of(row.pk),
            "here": row.pk == own,
            "browser": browser_name.of(row.agent),
            "row": row,
        }
        for row in sessions.running(user, timezone.now())
    ]
    context = {
        "person": user,
        "organization": organization,
        "roles": roles_of(user),
        "administers": authority_for(user, organization).rank >= Rank.ORGANIZATION,
        "running": sorted(running, key=lambda one: not one["here"]),
        "sends": settings.EMAIL_ENABLED,
        "user_secret": "",
        "organization_secret": "",
        "api": f"{settings.PUBLIC_URL}/elements/api-v2",
        **shown_once,
    }
    return render(request, "console/profile.html", context)
