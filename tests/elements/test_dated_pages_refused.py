"""A listing with dates whose next page the provider refuses: read anew, and not again at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from elements import dated
from elements.dated import PageRefused
from elements.long_look import READ_ANEW
from transport.types import Request, Response

from .notes import PLAIN, Notes, at
from .polled import Polled

IDS = ("a", "b", "c", "d", "e")


class Refusing(Polled):
    """The provider refuses a page that another poll was told of, while `refuses` says so."""

    refuses: Callable[[], bool] = lambda: True
    pages: list[int]

    def look(self, minutes: float) -> list[str]:
        """The ids that one poll tells of, and whether the next one follows at once."""
        self.pages = []
        found = self._once(at(minutes))
        told = [one.object_id for one in self._stored(found)]
        return [*told, "at once"] if found.more else told

    def _answer(self, request: Request) -> Response:
        page = int(str(request.query["page"]))
        self.pages.append(page)
        if page > 1 and len(self.pages) == 1 and type(self).refuses():
            return Response(400, {}, b'{"error": "unknown page"}')
        return super()._answer(request)


@pytest.fixture
def polled(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    """Of five new records, two in a poll; the third would be on a page that is refused."""
    monkeypatch.setattr(dated, "MOST_PAGES", 2)
    monkeypatch.setattr(Refusing, "refuses", lambda: True)
    notes = Notes()
    polled = Refusing({**PLAIN, "pageSize": 1, "backfill": True}, notes)
    for minutes, id_ in enumerate(IDS):
        notes.put(id_, at(-minutes - 1))
    return polled


def test_a_page_that_is_refused_once_has_the_listing_read_from_the_beginning_at_once(
    polled: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert polled.look(0) == ["a", "b", "at once"]
    assert (polled.look(0), polled.note) == (["at once"], READ_ANEW)
    monkeypatch.setattr(Refusing, "refuses", lambda: False)
    assert polled.poll(at(0)) == [(id_, "CREATED") for id_ in "cde"]


def test_one_that_is_refused_again_fails_the_polls_of_the_next_hour(polled: Refusing) -> None:
    for _ in range(3):
        polled.look(0)
    for minutes in (0, 15, 45, 59):
        with pytest.raises(PageRefused, match=r"refuses the next page .*unknown page"):
            polled.look(minutes)
        assert polled.pages == [3]
    assert (polled.look(60), polled.note) == (["at once"], READ_ANEW)
    assert polled.look(60) == ["at once"]
    with pytest.raises(PageRefused):
        polled.look(60)


def test_it_goes_on_from_the_page_once_that_is_accepted(
    polled: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        polled.look(0)
    with pytest.raises(PageRefused):
        polled.look(0)
    monkeypatch.setattr(Refusing, "refuses", lambda: False)
    assert polled.poll(at(30)) == [(id_, "CREATED") for id_ in "cde"]


def test_a_clock_that_is_set_back_has_it_begin_anew(polled: Refusing) -> None:
    for _ in range(3):
        polled.look(0)
    assert (polled.look(-30), polled.note) == (["at once"], READ_ANEW)
