"""What django-q2 runs of the quotas."""

from __future__ import annotations

from quota import bucket


def remove_old_buckets() -> int:
    """Removes buckets that nobody has drawn from for days; how many it were."""
    return bucket.forget()
