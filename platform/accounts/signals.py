"""What the rooms above are told about users, always inside the transaction that changes them.

A receiver that raises undoes the change.
"""

from __future__ import annotations

from django.dispatch import Signal

access_changed = Signal()
"""kwargs `user_ids`, `open`: these users may call and sign in from now on, or no longer."""
