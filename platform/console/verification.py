"""The page behind the link of an e-mail that proves whose an address is (accounts)."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import address_verification
from accounts.address_verification import LinkError
from accounts.models import User
from accounts.reach import Reach
from console.members import for_buttons

OTHER = (
    "You are signed in as somebody else. Sign out, open the link again, and sign in as the user "
    "that it is for."
)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link only shows a page, for mail programs open links by themselves."""
    try:
        person = address_verification.find(token)
        if person.has_usable_password() and request.user != person:
            if not request.user.is_authenticated:
                return redirect_to_login(request.path)
            raise LinkError(OTHER)
        if request.method == "POST":
            address_verification.confirm(person)
            messages.success(request, f"{person.username} is verified.")
            return redirect("console:home")
    except LinkError as error:
        context = {"problem": str(error)}
        return render(request, "console/verify_address.html", context, status=400)
    return render(request, "console/verify_address.html", {"person": person})


@for_buttons
def ask(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    address_verification.ask(user)
    messages.success(request, f"A link is on its way to {user.username}, if none was just sent.")
    return redirect("console:profile")
