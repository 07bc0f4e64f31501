"""What the room above is told about an instance, always inside the transaction that changes it.

A receiver that raises undoes the change.
"""

from __future__ import annotations

from django.dispatch import Signal

instance_saved = Signal()
"""kwargs `instance`, `created`, `reauthenticated`, `other_account`: row and credential are stored.

`other_account`: by another account than before, so that nothing known of the old one holds."""

grant_lost = Signal()
"""kwargs `instance`, `reason` (a sentence), `code` (instances.reason): the provider's grant is
gone; only a person can mend it."""

grant_refused = Signal()
"""kwargs `instance`, `reason` (a sentence): the provider refuses to renew the access, for a reason
that does not pass by itself; the grant may still be good."""

grant_expiring = Signal()
"""kwargs `instance`, `ends_at`: the grant will be gone by itself, unless a person renews it."""

instance_deleting = Signal()
"""kwargs `instance`: the row is about to be deleted, with all that hangs on it.

A receiver may answer with an instances.cleanup.Step: what is to be said to the provider once that
is committed, and before the grant is revoked.
"""
