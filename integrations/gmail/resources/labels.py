"""Labels. Gmail's own can be read, and the user's be made, changed and deleted.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels
"""

from __future__ import annotations

from elements.types import Field, Resource
from integrations.gmail.resources.steps import plain, writing

FIELDS = (
    Field("id", description="The label's id", read_only=True),
    Field("name", description="What people see; unique, apart from case", required=True),
    Field("type", description="system or user", read_only=True),
    Field("messageListVisibility", description="show or hide, in the list of messages"),
    Field("labelListVisibility", description="labelShow, labelShowIfUnread or labelHide"),
    Field("color", "object", "Both of its colours, or none"),
    Field("color.backgroundColor", description="One of Gmail's, such as #16a766"),
    Field("color.textColor", description="One of Gmail's, such as #ffffff"),
    Field("messagesTotal", "integer", "Messages with it; of one label", read_only=True),
    Field("messagesUnread", "integer", "Unread messages with it; of one label", read_only=True),
    Field("threadsTotal", "integer", "Threads with it; of one label", read_only=True),
    Field("threadsUnread", "integer", "Unread threads with it; of one label", read_only=True),
)
CHOICES = {
    "messageListVisibility": ("show", "hide"),
    "labelListVisibility": ("labelShow", "labelShowIfUnread", "labelHide"),
}

RESOURCE = Resource(
    name="labels",
    description="The mailbox's labels.",
    fields=FIELDS,
    operations=(
        plain(
            "GET", "/labels", "labels.list", "Lists all labels.", listing=True, root_key="labels"
        ),
        writing("POST", "/labels", "labels.create", "Makes a label.", FIELDS, CHOICES),
        plain("GET", "/labels/{id}", "labels.get", "Reads a label with its counts."),
        writing("PUT", "/labels/{id}", "labels.update", "Replaces a label.", FIELDS, CHOICES),
        writing("PATCH", "/labels/{id}", "labels.patch", "Changes a label.", FIELDS, CHOICES),
        plain("DELETE", "/labels/{id}", "labels.delete", "Deletes a label, also off mails."),
    ),
)
