"""What can go wrong with a backup or a restore."""

from __future__ import annotations


class BackupError(Exception):
    """The message says what was wrong and what would be right."""
