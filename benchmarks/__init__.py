"""`make bench`: what Periodic costs, as ratios to a bare loop that makes the same HTTP calls."""
