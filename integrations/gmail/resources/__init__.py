"""What Gmail offers at a path: one module a kind.

The first resource that is one record is asked to see whether an account answers: the profile.
"""

from __future__ import annotations

from dataclasses import replace

from elements.types import Resource
from integrations.gmail import scopes
from integrations.gmail.resources import drafts, labels, mailbox, messages, settings, threads


def _needing(resource: Resource) -> Resource:
    reading, writing = scopes.NEEDED[resource.name]
    return replace(resource, scopes=reading, writing_scopes=writing)


RESOURCES = tuple(
    _needing(resource)
    for resource in (
        mailbox.PROFILE_RESOURCE,
        messages.RESOURCE,
        threads.RESOURCE,
        drafts.RESOURCE,
        labels.RESOURCE,
        mailbox.HISTORY_RESOURCE,
        mailbox.CHANGED_MESSAGES_RESOURCE,
        *settings.RESOURCES,
    )
)
