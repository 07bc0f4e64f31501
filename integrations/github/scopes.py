"""What GitHub's scopes take in: of those that were asked for it answers the widest alone.

https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
"""

from __future__ import annotations

from elements.types import ScopeNames

NAMES = ScopeNames(
    implied={
        "repo": (
            "repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events",
        ),
        "admin:repo_hook": ("write:repo_hook",),
        "write:repo_hook": ("read:repo_hook",),
        "admin:org": ("write:org", "manage_runners:org"),
        "write:org": ("read:org",),
        "admin:public_key": ("write:public_key",),
        "write:public_key": ("read:public_key",),
        "admin:gpg_key": ("write:gpg_key",),
        "write:gpg_key": ("read:gpg_key",),
        "user": ("read:user", "user:email", "user:follow"),
        "project": ("read:project",),
        "write:packages": ("read:packages",),
        "write:discussion": ("read:discussion",),
        "codespace": ("codespace:secrets",),
        "audit_log": ("read:audit_log",),
        "admin:enterprise": (
            "manage_runners:enterprise", "manage_billing:enterprise", "read:enterprise",
        ),
    }
)  # fmt: skip
