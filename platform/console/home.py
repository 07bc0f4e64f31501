"""Where the console begins: with what there is, or with the first thing to do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.reach import Reach
from console.members import for_members
from instances.models import ElementInstance


@require_safe
@for_members
def home(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    begun = reach.rows(ElementInstance).exists()
    return redirect("console:instances" if begun else "console:catalogue")
