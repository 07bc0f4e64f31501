"""Settings of the account, below /settings.

Gmail only takes a whole setting. A PATCH here reads it, changes what is given (null takes it
away) and puts it back.
Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.settings
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elements.calls import Call
from elements.types import Field, Operation, Resource
from integrations.gmail import record_body
from integrations.gmail.resources.steps import ROOT, plain, writing
from integrations.gmail.units import UNITS
from transport.types import Request, Response, Steps

DISPOSITIONS = ("leaveInInbox", "archive", "trash", "markRead")
SHARING = "It needs the scope gmail.settings.sharing."


def _setting(
    name: str,
    vendor_name: str,
    description: str,
    fields: Sequence[Field],
    choices: record_body.Choices | None = None,
    *,
    aliases: tuple[str, ...] = (),
    note: str = "",
) -> Resource:
    """A setting that the account has once: read, replaced, changed."""
    path, vendor_path = f"/settings/{name}", f"/settings/{vendor_name}"
    method = f"{vendor_name[0].upper()}{vendor_name[1:]}"
    get_units = UNITS[f"settings.get{method}"]
    put_units = UNITS[f"settings.update{method}"]

    def change(call: Call) -> Steps[dict[str, Any]]:
        given = record_body.read(call.body, fields, choices, partial=True)
        response: Response = yield Request("GET", f"{ROOT}{vendor_path}", units=get_units)
        value = {**response.object(), **given}
        value = {key: item for key, item in value.items() if item is not None}
        changed: Response = yield Request(
            "PUT", f"{ROOT}{vendor_path}", json=value, units=put_units
        )
        return changed.object()

    return Resource(
        name=name,
        path=path,
        description=description,
        id_field="",
        aliases=aliases,
        fields=tuple(fields),
        operations=(
            plain("GET", path, f"settings.get{method}", "Reads it.", vendor_path=vendor_path),
            writing(
                "PUT",
                path,
                f"settings.update{method}",
                f"Replaces it: what is not given gets its default. {note}".strip(),
                fields,
                choices,
                vendor_path=vendor_path,
            ),
            Operation(
                "PATCH",
                path,
                f"{ROOT}{vendor_path}",
                f"Changes what is given, and leaves the rest. {note}".strip(),
                vendor_method="PUT",
                parameters=record_body.parameters(fields, partial=True),
                units=get_units + put_units,
                steps=change,
            ),
        ),
    )


VACATION = _setting(
    "vacation",
    "vacation",
    "The answer that is sent while the user is away.",
    (
        Field("enableAutoReply", "boolean", "Whether it is sent"),
        Field("responseSubject", description="What its subject begins with"),
        Field("responseBodyPlainText", description="Its text"),
        Field("responseBodyHtml", description="Its HTML, which goes before the text"),
        Field("restrictToContacts", "boolean", "Only to those in the user's contacts"),
        Field("restrictToDomain", "boolean", "Only to those of the user's domain"),
        Field("startTime", "integer", "From when on: milliseconds since 1970"),
        Field("endTime", "integer", "Until when: milliseconds since 1970"),
    ),
    aliases=("vacations",),
)
AUTO_FORWARDING = _setting(
    "auto-forwarding",
    "autoForwarding",
    "Whether all mail is forwarded, and to whom.",
    (
        Field("enabled", "boolean", "Whether mail is forwarded"),
        Field("emailAddress", description="Whereto: an accepted forwarding address"),
        Field("disposition", description=f"What becomes of the mail: {', '.join(DISPOSITIONS)}"),
    ),
    {"disposition": DISPOSITIONS},
    aliases=("settings/autoForwarding",),
    note=SHARING,
)
IMAP = _setting(
    "imap",
    "imap",
    "Access by IMAP.",
    (
        Field("enabled", "boolean", "Whether there is any"),
        Field("autoExpunge", "boolean", "Whether deleting expunges at once"),
        Field("expungeBehavior", description="archive, trash or deleteForever"),
        Field("maxFolderSize", "integer", "0 (no limit), 1000, 2000, 5000 or 10000 messages"),
    ),
    {"expungeBehavior": ("archive", "trash", "deleteForever")},
)
POP = _setting(
    "pop",
    "pop",
    "Access by POP.",
    (
        Field("accessWindow", description="disabled, fromNowOn or allMail"),
        Field("disposition", description=f"What becomes of the mail: {', '.join(DISPOSITIONS)}"),
    ),
    {"accessWindow": ("disabled", "fromNowOn", "allMail"), "disposition": DISPOSITIONS},
)

FILTER_FIELDS = (
    Field("id", description="The filter's id", read_only=True),
    Field("criteria", "object", "Which messages", required=True),
    Field("criteria.from", description="The sender's name or address"),
    Field("criteria.to", description="The recipient's name or address"),
    Field("criteria.subject", description="Words of the subject"),
    Field("criteria.query", description="Gmail's own search words"),
    Field("criteria.negatedQuery", description="Search words that must not fit"),
    Field("criteria.hasAttachment", "boolean", "Whether it must have a file"),
    Field("criteria.excludeChats", "boolean", "Whether chats are left out"),
    Field("criteria.size", "integer", "Bytes to compare its size with"),
    Field("criteria.sizeComparison", description="smaller or larger"),
    Field("action", "object", "What becomes of them", required=True),
    Field("action.addLabelIds", "array", "Ids of the labels that they get"),
    Field("action.removeLabelIds", "array", "Ids of the labels that they lose"),
    Field("action.forward", description="The forwarding address they go to"),
)
FILTERS = Resource(
    name="filters",
    path="/settings/filters",
    description="What becomes of mail as it comes in. A filter cannot be changed: make another.",
    fields=FILTER_FIELDS,
    operations=(
        plain(
            "GET", "/settings/filters", "settings.filters.list", "Lists all filters.",
            listing=True, root_key="filter", empty_when_absent=True,
        ),
        writing(
            "POST", "/settings/filters", "settings.filters.create", "Makes a filter.",
            FILTER_FIELDS, {"criteria.sizeComparison": ("smaller", "larger")},
        ),
        plain("GET", "/settings/filters/{id}", "settings.filters.get", "Reads a filter."),
        plain("DELETE", "/settings/filters/{id}", "settings.filters.delete", "Deletes a filter."),
    ),
)  # fmt: skip

FORWARDING_FIELDS = (
    Field("forwardingEmail", description="The address", required=True),
    Field("verificationStatus", description="accepted or pending", read_only=True),
)
_FORWARDING = "/settings/forwarding-addresses"
_VENDOR_FORWARDING = "/settings/forwardingAddresses"
FORWARDING_ADDRESSES = Resource(
    name="forwarding-addresses",
    path=_FORWARDING,
    description="Addresses that mail may be forwarded to.",
    id_field="forwardingEmail",
    aliases=("settings/forwardingAddresses",),
    fields=FORWARDING_FIELDS,
    operations=(
        plain(
            "GET", _FORWARDING, "settings.forwardingAddresses.list", "Lists all of them.",
            vendor_path=_VENDOR_FORWARDING, listing=True, root_key="forwardingAddresses",
            empty_when_absent=True,
        ),
        writing(
            "POST", _FORWARDING, "settings.forwardingAddresses.create",
            f"Adds one; its owner may have to agree. {SHARING}",
            FORWARDING_FIELDS, vendor_path=_VENDOR_FORWARDING,
        ),
        plain(
            "GET", f"{_FORWARDING}/{{id}}", "settings.forwardingAddresses.get", "Reads one.",
            vendor_path=f"{_VENDOR_FORWARDING}/{{id}}",
        ),
        plain(
            "DELETE", f"{_FORWARDING}/{{id}}", "settings.forwardingAddresses.delete",
            f"Takes one away. {SHARING}", vendor_path=f"{_VENDOR_FORWARDING}/{{id}}",
        ),
    ),
)  # fmt: skip

SEND_AS_FIELDS = (
    Field("sendAsEmail", description="The address", read_only=True),
    Field("displayName", description="The name beside it"),
    Field("replyToAddress", description="Where answers go"),
    Field("signature", description="The signature, as HTML"),
    Field("isPrimary", "boolean", "Whether it is the account's own", read_only=True),
    Field("isDefault", "boolean", "Whether new mails come from it; only true can be set"),
    Field("treatAsAlias", "boolean", "Whether it stands for the account's own"),
    Field("verificationStatus", description="accepted or pending", read_only=True),
    Field("smtpMsa", "object", "The server that its mail leaves by", read_only=True),
)
_SEND_AS, _VENDOR_SEND_AS = "/settings/send-as", "/settings/sendAs"
SEND_AS = Resource(
    name="send-as",
    path=_SEND_AS,
    description="Addresses that mail may be sent from.",
    id_field="sendAsEmail",
    aliases=("settings/sendAs",),
    fields=SEND_AS_FIELDS,
    operations=(
        plain(
            "GET", _SEND_AS, "settings.sendAs.list", "Lists all of them.",
            vendor_path=_VENDOR_SEND_AS, listing=True, root_key="sendAs",
        ),
        plain(
            "GET", f"{_SEND_AS}/{{id}}", "settings.sendAs.get", "Reads one.",
            vendor_path=f"{_VENDOR_SEND_AS}/{{id}}",
        ),
        writing(
            "PUT", f"{_SEND_AS}/{{id}}", "settings.sendAs.update", "Replaces what can be changed.",
            SEND_AS_FIELDS, vendor_path=f"{_VENDOR_SEND_AS}/{{id}}",
        ),
        writing(
            "PATCH", f"{_SEND_AS}/{{id}}", "settings.sendAs.patch", "Changes what is given.",
            SEND_AS_FIELDS, vendor_path=f"{_VENDOR_SEND_AS}/{{id}}",
        ),
    ),
)  # fmt: skip

RESOURCES = (VACATION, FILTERS, FORWARDING_ADDRESSES, SEND_AS, AUTO_FORWARDING, IMAP, POP)
