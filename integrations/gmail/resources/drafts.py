"""Drafts: written as mails are, replaced as a whole, and sent.

Source: https://developers.google.com/workspace/gmail/api/guides/drafts
"""

from __future__ import annotations

from typing import Any

from elements.calls import Call, Page
from elements.errors import ParameterError
from elements.types import Field, Operation, Paging, Parameter, Resource
from integrations.gmail import mail_body, record_body
from integrations.gmail.decoded_message import decoded
from integrations.gmail.messages import FORMATS
from integrations.gmail.query import search
from integrations.gmail.resources.messages import (
    LARGEST_PAGE,
    MAIL_FIELDS,
    fetch_texts,
    flag,
    format_query,
    raw_message,
    search_page,
)
from integrations.gmail.resources.steps import ROOT, SEARCH_PARAMETERS, plain, safe_id
from integrations.gmail.units import UNITS
from transport.types import Request, Response, Steps

DRAFTS = f"{ROOT}/drafts"


def list_drafts(call: Call) -> Steps[Page]:
    """One page of drafts that the search finds, newest first: ids, as Gmail lists them."""
    if "labelIds" in search(call):
        name = "labelIds" if call.query.get("labelIds") else "where"
        raise ParameterError(name, "drafts cannot be searched by labelIds")
    return search_page(call, DRAFTS, "drafts")


def get_draft(call: Call) -> Steps[dict[str, Any]]:
    """A draft as Gmail gives it, its message decoded."""
    sanitize = flag(call, "sanitize")
    query = format_query(call, FORMATS)
    if "metadataHeaders" in query:
        raise ParameterError("metadataHeaders", "is not for drafts: Gmail does not take it")
    response: Response = yield Request(
        "GET", f"{DRAFTS}/{safe_id(call)}", query, units=UNITS["drafts.get"]
    )
    draft = response.object()
    if isinstance(message := draft.get("message"), dict):
        yield from fetch_texts(message)
        draft["message"] = decoded(message, sanitize=sanitize)
    return draft


def create_draft(call: Call) -> Steps[dict[str, Any]]:
    message = yield from raw_message(mail_body.read(call.body, draft=True), draft=True)
    response: Response = yield Request(
        "POST", DRAFTS, json={"message": message}, units=UNITS["drafts.create"]
    )
    return response.object()


def replace_draft(call: Call) -> Steps[dict[str, Any]]:
    draft_id = safe_id(call)
    message = yield from raw_message(mail_body.read(call.body, draft=True), draft=True)
    response: Response = yield Request(
        "PUT", f"{DRAFTS}/{draft_id}", json={"message": message}, units=UNITS["drafts.update"]
    )
    return response.object()


def send_draft(call: Call) -> Steps[dict[str, Any]]:
    """The answer is the message that was sent; the draft is gone."""
    response: Response = yield Request(
        "POST", f"{DRAFTS}/send", json={"id": safe_id(call)}, units=UNITS["drafts.send"]
    )
    return response.object()


RESOURCE = Resource(
    name="drafts",
    description="Mails that are not sent yet.",
    fields=(
        Field("id", description="The draft's id, which stays while it changes", read_only=True),
        Field("message", "object", "The message within, as of messages", read_only=True),
        *MAIL_FIELDS,
    ),
    operations=(
        Operation(
            "GET",
            "/drafts",
            DRAFTS,
            "Lists drafts that a search finds, newest first.",
            listing=True,
            root_key="drafts",
            paging=Paging(largest=LARGEST_PAGE),
            parameters=SEARCH_PARAMETERS,
            units=UNITS["drafts.list"],
            steps=list_drafts,
        ),
        Operation(
            "POST",
            "/drafts",
            DRAFTS,
            "Writes a draft, of the same body as a mail; it may lack recipients.",
            parameters=record_body.parameters(MAIL_FIELDS),
            units=UNITS["drafts.create"],
            steps=create_draft,
        ),
        Operation(
            "GET",
            "/drafts/{id}",
            f"{DRAFTS}/{{id}}",
            "Reads a draft, its message decoded.",
            parameters=(
                Parameter("format", description=f"One of {', '.join(FORMATS)}; full without it"),
                Parameter("sanitize", description="true takes out of html what could run"),
            ),
            units=UNITS["drafts.get"],
            steps=get_draft,
        ),
        Operation(
            "PUT",
            "/drafts/{id}",
            f"{DRAFTS}/{{id}}",
            "Puts another mail in the place of the draft's.",
            parameters=record_body.parameters(MAIL_FIELDS),
            units=UNITS["drafts.update"],
            steps=replace_draft,
        ),
        plain("DELETE", "/drafts/{id}", "drafts.delete", "Deletes a draft for good."),
        Operation(
            "POST",
            "/drafts/{id}/send",
            f"{DRAFTS}/send",
            "Sends a draft; the answer is the message that was sent.",
            units=UNITS["drafts.send"],
            steps=send_draft,
        ),
    ),
)
