"""What is kept of private elements stays within bounds, by number and by size."""

from __future__ import annotations

from elements.kept import Kept


def test_what_was_used_last_stays() -> None:
    kept: Kept[str, str] = Kept(most=2, size=100)
    kept.put("a", "A", 1)
    kept.put("b", "B", 1)
    assert kept.get("a") == "A"
    kept.put("c", "C", 1)
    assert [kept.get(key) for key in "abc"] == ["A", None, "C"]


def test_sizes_are_counted_together() -> None:
    kept: Kept[str, str] = Kept(most=100, size=10)
    kept.put("a", "A", 6)
    kept.put("b", "B", 4)
    kept.put("a", "A again", 5)
    assert [kept.get(key) for key in "ab"] == ["A again", "B"]
    kept.put("c", "C", 2)
    assert [kept.get(key) for key in "abc"] == [None, "B", "C"]


def test_what_is_too_large_is_not_kept() -> None:
    kept: Kept[str, str] = Kept(most=100, size=10)
    kept.put("a", "A", 11)
    assert kept.get("a") is None
    kept.put("b", "B", 10)
    assert kept.get("b") == "B"
