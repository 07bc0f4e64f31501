"""Signing in, and a new password for who has forgotten the old one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import password_reset, sessions
from accounts.models import User
from accounts.provision import LONGEST_ADDRESS
from api.errors import TooManyRequests
from api.throttle import address_of
from audit.models import Action
from audit.record import record
from console import guessing
from console.passwords import SetsPassword


class SignInView(LoginView):
    template_name = "console/sign_in.html"
    redirect_authenticated_user = True

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        form.label_suffix = ""
        form.fields["username"].label = "E-mail address"
        return form


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address",
        max_length=LONGEST_ADDRESS,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Asks for an e-mail with a link. Whatever the address, the answer is the same."""
    context: dict[str, Any] = {
        "sends": settings.EMAIL_ENABLED,
        "form": ForgottenForm(label_suffix=""),
    }
    if request.method != "POST" or not settings.EMAIL_ENABLED:
        return render(request, "console/password_forgotten.html", context)
    form = ForgottenForm(request.POST, label_suffix="")
    try:
        guessing.take(request)
    except TooManyRequests as error:
        setattr(request, guessing.WAIT, error.wait)
        return guessing.refused(request, None, None)
    if not form.is_valid():
        return render(request, "console/password_forgotten.html", {**context, "form": form})
    password_reset.ask(form.cleaned_data["email"])
    context["asked"] = form.cleaned_data["email"]
    return render(request, "console/password_forgotten.html", context)


class NewPasswordView(SetsPassword, PasswordResetConfirmView):
    """Behind the link of the e-mail. Everywhere else the person is signed out."""

    template_name = "console/password_new.html"
    token_generator = password_reset.TOKENS
    success_url = reverse_lazy("console:sign-in")

    def password_set(self, person: User) -> None:
        sessions.end_all(person)
        record(Action.PASSWORD_RESET, person.organization_id, user_id=person.pk)
        guessing.forgive(person)
        messages.success(self.request, "The new password is set: sign in with it.")


def signed_in(sender: object, request: HttpRequest, user: User, **_: Any) -> None:
    """What the session is shown by, from the first moment, and that it began."""
    sessions.begin(request, address_of(request))
    guessing.succeeded(request, user)
    record(Action.SIGNED_IN, user.organization_id, user_id=user.pk)


def stopped(request: HttpRequest, username: str, **_: Any) -> None:
    """Tells the organization whose user's password is guessed at: once, as the guessing stops."""
    if getattr(request, "axes_failures_since_start", None) is None:
        return  # was stopped before
    for user in User.objects.of_address(username):
        record(Action.SIGN_IN_STOPPED, user.organization_id, "user", user.pk, anybody=True)
