"""What the rooms above are told of what providers tell, always inside a transaction."""

from __future__ import annotations

from django.dispatch import Signal

noticed = Signal()
"""kwargs `instance_ids`, `resources`, `now`: there may be news of these resources."""
