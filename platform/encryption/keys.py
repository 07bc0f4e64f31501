"""Seals text with AES-256-GCM under a ring of keys."""
