"""The pages behind a link that connects an account again. Nobody has to sign in for them.

Opening the link only shows a page, for mail programs open links by themselves; the way to the
provider begins with the button on it.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from api.errors import ApiError
from console.addresses import callback_url
from elements import catalogue
from elements.errors import ConfigurationError, ElementNotFound
from instances import oauth, reconnect_link
from instances.account import OtherAccount
from instances.reconnect_link import LinkError

NO_LONGER = "The account cannot be connected again from here."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reconnect(request: HttpRequest, token: str) -> HttpResponse:
    try:
        if request.method == "POST":
            return redirect(oauth.begin_by_link(request.session, token, callback_url()))
        link = reconnect_link.find(token, timezone.now())
        instance = link.instance
        element = catalogue.find(instance.element_key, instance.organization_id)
    except LinkError as error:
        return _failed(request, str(error), error.advice, used=error.used)
    except (ApiError, ConfigurationError, ElementNotFound) as error:
        return _failed(request, NO_LONGER, f"{error}. {reconnect_link.ASK}")
    context = {"instance": instance, "element": element, "link": link}
    return render(request, "console/reconnect.html", context)


def came_back(request: HttpRequest, token: str) -> HttpResponse:
    """The provider has sent the person back, whose trip began with the link of this token."""
    try:
        instance = oauth.finish_by_link(request.session, request.GET.dict())
    except OtherAccount:
        return _failed(
            request,
            "Another account was chosen on the provider's page.",
            "This link connects the account that was connected before, and no other: what you "
            "allowed was not kept. Open the link again and choose that account.",
            token=token,
        )
    except LinkError as error:
        return _failed(request, str(error), error.advice, used=error.used)
    except oauth.TripError as error:
        advice = "Open the link again: it says whether the account is connected."
        return _failed(request, str(error), advice, token=token)
    return render(request, "console/reconnected.html", {"instance": instance})


def _failed(
    request: HttpRequest, problem: str, advice: str, *, token: str = "", used: bool = False
) -> HttpResponse:
    context = {"problem": problem, "advice": advice, "token": token, "used": used}
    return render(request, "console/reconnect_failed.html", context, status=400)
