"""The turn of the loop that keeps watches at providers."""

from __future__ import annotations

from watching import claim, keep
from worker.side_by_side import BlockingLoop

keep_until = BlockingLoop(claim.claim_due, keep.keep, most=40, lease=claim.LEASE).until
