"""What Gmail offers at a path: one module a kind.

The first resource that is one record is asked to see whether an account answers: the profile.
"""

from __future__ import annotations

from integrations.gmail.resources import drafts, labels, mailbox, messages, settings, threads

RESOURCES = (
    mailbox.PROFILE_RESOURCE,
    messages.RESOURCE,
    threads.RESOURCE,
    drafts.RESOURCE,
    labels.RESOURCE,
    mailbox.HISTORY_RESOURCE,
    mailbox.CHANGED_MESSAGES_RESOURCE,
    *settings.RESOURCES,
)
