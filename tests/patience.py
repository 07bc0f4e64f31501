"""How long tests wait for what must happen at some time."""

from __future__ import annotations

PATIENCE = 120.0  # seconds, which nothing takes: a slow machine is no defect
