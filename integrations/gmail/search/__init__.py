"""Gmail's search words for a where-clause; `words.py` is the way in."""
