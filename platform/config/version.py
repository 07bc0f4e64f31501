"""The version of Periodic, as pyproject.toml has it."""

VERSION = "0.1.0"
