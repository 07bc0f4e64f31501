"""The catalogue: what can be connected, and what of it is connected already."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.reach import Reach
from console import sandbox
from console.members import for_members
from elements import catalogue as elements
from elements.types import Element
from instances import census

CARDS = 60  # on a page
LONGEST_SEARCH = 200  # characters


@dataclass(frozen=True, slots=True)
class Card:
    element: Element
    instances: int

    @property
    def count(self) -> str:
        if self.instances > census.MOST_COUNTED:
            return f"more than {census.MOST_COUNTED:,} instances"
        return f"{self.instances:,} instance{'' if self.instances == 1 else 's'}"

    @property
    def sandbox(self) -> bool:
        return sandbox.is_served(self.element.key)

    @property
    def described(self) -> Element | None:
        """Whose hub calls the API's page describes: those of elements that everybody has."""
        if not self.element.private:
            return self.element
        return elements.find(self.element.extends) if self.element.extends else None


@require_safe
@for_members
def catalogue(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    asked = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    found = [
        one
        for one in elements.all_elements(reach.organization.pk, reach.account_id)
        if _is_meant(one, asked)
    ]
    counts = census.by_element(reach, [one.key for one in found])
    cards = [Card(one, counts[one.key]) for one in found]
    cards.sort(
        key=lambda card: (not card.sandbox, card.instances == 0, card.element.name.casefold())
    )
    page = Paginator(cards, CARDS).get_page(request.GET.get("page"))
    return render(request, "console/catalogue.html", {"page": page, "asked": asked})


def _is_meant(element: Element, asked: str) -> bool:
    """Whether each word that was typed is found in what a card says."""
    text = " ".join((element.name, element.key, str(element.id), element.hub, element.description))
    return all(word in text.casefold() for word in asked.casefold().split())
