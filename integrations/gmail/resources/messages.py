"""Messages: listed and searched, read and decoded, sent, labelled, deleted; their attachments."""

from __future__ import annotations

from typing import Any

from elements.calls import Call, Page
from elements.errors import ParameterError
from elements.types import Field, Operation, Paging, Parameter, Resource
from integrations.gmail import mail, mail_body, record_body
from integrations.gmail.decoded_message import decoded, is_attachment_id, title_of, unread_texts
from integrations.gmail.messages import FORMATS, LARGEST_ANSWER, MESSAGES
from integrations.gmail.page import listed, next_token
from integrations.gmail.query import search
from integrations.gmail.reply import HEADERS, reply
from integrations.gmail.resources.steps import (
    LABEL_IDS,
    SEARCH_PARAMETERS,
    plain,
    relabelling,
    safe_id,
)
from integrations.gmail.units import UNITS
from transport.types import QueryValue, Request, Response, Steps

LARGEST_PAGE = 500
MOST_TEXTS = 5  # bodies that are fetched one by one, as Gmail does not show long ones


def list_messages(call: Call) -> Steps[Page]:
    """One page of messages, newest first: id and threadId of each, as Gmail lists them."""
    return search_page(call, MESSAGES, "messages")


def search_page(call: Call, vendor_path: str, root_key: str) -> Steps[Page]:
    """One page of what a search finds, newest first."""
    query = search(call)
    query["maxResults"] = max(1, min(call.page_size, LARGEST_PAGE))
    if call.page_token:
        query["pageToken"] = call.page_token
    method = f"{root_key}.list"
    response: Response = yield Request("GET", vendor_path, query, units=UNITS[method])
    answer = response.object()
    return Page(listed(answer, root_key, method), next_token(answer, method))


def get_message(call: Call) -> Steps[dict[str, Any]]:
    """One message as Gmail gives it, with what a person reads in it beside."""
    sanitize = flag(call, "sanitize")
    query = format_query(call, FORMATS)
    response: Response = yield Request(
        "GET",
        f"{MESSAGES}/{safe_id(call)}",
        query,
        units=UNITS["messages.get"],
        max_body=LARGEST_ANSWER,
    )
    message = response.object()
    yield from fetch_texts(message)
    return decoded(message, sanitize=sanitize)


def fetch_texts(message: dict[str, Any]) -> Steps[None]:
    """Puts the texts into the message that are so long that Gmail only gives an id of them."""
    for body in unread_texts(message)[:MOST_TEXTS]:
        response: Response = yield Request(
            "GET",
            f"{MESSAGES}/{message['id']}/attachments/{body['attachmentId']}",
            units=UNITS["messages.attachments.get"],
            max_body=LARGEST_ANSWER,
        )
        body["data"] = response.object().get("data")


def format_query(call: Call, formats: tuple[str, ...]) -> dict[str, QueryValue]:
    """`format` and `metadataHeaders`. Raises ParameterError."""
    query: dict[str, QueryValue] = {}
    if wanted := call.query.get("format"):
        if wanted not in formats:
            raise ParameterError("format", f"must be one of {', '.join(formats)}")
        query["format"] = wanted
    if headers := call.query.get("metadataHeaders"):
        query["metadataHeaders"] = [name.strip() for name in headers.split(",") if name.strip()]
    return query


def flag(call: Call, name: str) -> bool:
    """A boolean parameter of the query. Raises ParameterError."""
    value = call.query.get(name, "").strip().lower()
    if value not in ("", "true", "false"):
        raise ParameterError(name, "must be true or false")
    return value == "true"


def send_message(call: Call) -> Steps[dict[str, Any]]:
    outgoing = mail_body.read(call.body)
    message = yield from raw_message(outgoing)
    response: Response = yield Request(
        "POST", f"{MESSAGES}/send", json=message, units=UNITS["messages.send"]
    )
    return response.object()


def raw_message(outgoing: mail_body.Outgoing, *, draft: bool = False) -> Steps[dict[str, str]]:
    """The mail as Gmail takes it; of a reply, the message that it answers is asked for first."""
    if outgoing.replied_id:
        response: Response = yield Request(
            "GET",
            f"{MESSAGES}/{outgoing.replied_id}",
            {"format": "metadata", "metadataHeaders": HEADERS},
            units=UNITS["messages.get"],
        )
        outgoing = reply(outgoing, response.object(), draft=draft)
    raw = outgoing.raw or mail_body.in_base64(mail.write(outgoing.mail))
    message = {"raw": raw}
    if outgoing.thread_id:
        message["threadId"] = outgoing.thread_id
    return message


def get_attachment(call: Call) -> Steps[dict[str, Any]]:
    """Gmail's answer (`size`, and `data` in URL-safe Base64) with the id that was asked for."""
    attachment_id = call.path.get("attachmentId", "")
    if not is_attachment_id(attachment_id):
        raise ParameterError("attachmentId", "must be an attachmentId that its message shows")
    response: Response = yield Request(
        "GET",
        f"{MESSAGES}/{safe_id(call)}/attachments/{attachment_id}",
        units=UNITS["messages.attachments.get"],
        max_body=LARGEST_ANSWER,
    )
    return {"attachmentId": attachment_id, **response.object()}


READ_PARAMETERS = (
    Parameter("format", description=f"One of {', '.join(FORMATS)}; full without it"),
    Parameter("metadataHeaders", description="Comma-separated headers, with format=metadata"),
    Parameter("sanitize", description="true takes out of html what could run", data_type="boolean"),
)

MAIL_FIELDS = (
    Field("to", "string", "Addresses: a string with commas, or a list of strings"),
    Field("cc", "string", "As to"),
    Field("bcc", "string", "As to; nobody sees it"),
    Field("from", "string", "One of the account's own addresses (send-as)"),
    Field("replyTo", "string", "Addresses that answers go to"),
    Field("subject", "string", "One line"),
    Field("text", "string", "The mail as plain text"),
    Field("html", "string", "The mail as HTML; beside text, the two are alternatives"),
    Field(
        "attachments",
        "array",
        "Objects of filename, content (Base64), contentType and contentId (shown as cid: in html)",
    ),
    Field("headers", "object", "Further headers by name"),
    Field("threadId", "string", "The thread it belongs to"),
    Field("inReplyTo", "string", "The id of the message that it answers, or a Message-ID in < >"),
    Field("references", "array", "Message-IDs in < > of the messages before"),
    Field("raw", "string", "Instead of all these but threadId: a whole mail in Base64"),
)

FIELDS = (
    Field("id", description="The message's id", read_only=True),
    Field("threadId", description="The thread it belongs to"),
    Field("labelIds", "array", "Ids of its labels", read_only=True),
    Field("snippet", description="How it begins", read_only=True),
    Field("historyId", description="The history id of its last change", read_only=True),
    Field("internalDate", description="When Gmail got it: ms since 1970", read_only=True),
    Field("sizeEstimate", "integer", "About how many bytes it has", read_only=True),
    Field("payload", "object", "Its parts, as Gmail gives them", read_only=True),
    *(one for one in MAIL_FIELDS if one.name not in ("threadId", "raw")),
    Field("date", description="When it was written, in UTC", read_only=True),
    Field("raw", description="The whole mail in Base64, with format=raw"),
)

RESOURCE = Resource(
    name="messages",
    description="Messages: listed by id, newest first; read, sent, labelled, deleted one by one.",
    lists_ids_only=True,
    title=title_of,
    fields=FIELDS,
    operations=(
        Operation(
            "GET",
            "/messages",
            MESSAGES,
            "Lists messages that a search finds, newest first.",
            listing=True,
            root_key="messages",
            paging=Paging(largest=LARGEST_PAGE),
            parameters=(*SEARCH_PARAMETERS, LABEL_IDS),
            units=UNITS["messages.list"],
            steps=list_messages,
        ),
        Operation(
            "POST",
            "/messages",
            f"{MESSAGES}/send",
            "Sends a mail.",
            parameters=record_body.parameters(MAIL_FIELDS),
            units=UNITS["messages.send"],
            steps=send_message,
        ),
        Operation(
            "GET",
            "/messages/{id}",
            f"{MESSAGES}/{{id}}",
            "Reads a message: Gmail's JSON, and decoded what a person reads in it.",
            parameters=READ_PARAMETERS,
            units=UNITS["messages.get"],
            steps=get_message,
        ),
        plain("DELETE", "/messages/{id}", "messages.delete", "Deletes a message for good."),
        plain("POST", "/messages/{id}/trash", "messages.trash", "Puts it into the trash."),
        plain("POST", "/messages/{id}/untrash", "messages.untrash", "Takes it out of the trash."),
        relabelling("/messages/{id}/labels", "messages.modify", "Adds and removes labels."),
        Operation(
            "GET",
            "/messages/{id}/attachments/{attachmentId}",
            f"{MESSAGES}/{{id}}/attachments/{{attachmentId}}",
            "Reads a file of a message, in URL-safe Base64.",
            units=UNITS["messages.attachments.get"],
            steps=get_attachment,
        ),
    ),
)
