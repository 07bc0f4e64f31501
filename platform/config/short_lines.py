"""Which errors are a log line of their own, without a traceback: those no code is to blame for.

Of a wrong Host, a client that hangs up or a failed TLS handshake a traceback tells nothing, and
anybody could fill the log with them. Neither does it of a database that cannot be used now.
"""

from __future__ import annotations

import logging
import ssl
from typing import Any

import structlog
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from config.given_postgres import trouble
from config.given_postgres.unavailable import Outage, outage_of

CALLERS_ERRORS = (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError)
# An error of a connection may be the database's elsewhere.
CONNECTION_ERRORS = (ConnectionError, ssl.SSLError)
CONNECTION_LOGGERS = ("django.", "gunicorn.", "api.", "asyncio")
# How django-q2 says that a task failed: its traceback is part of the text, as are these classes.
TRACEBACK = " : Traceback "
DATABASE_ERROR = "\ndjango.db.utils."
OUTAGE_CLASSES = ("OperationalError:", "InterfaceError:", "InternalError:")
MAX_MESSAGE = 200  # characters: a Host header may have thousands

EventDict = structlog.typing.EventDict


class OutageFilter(logging.Filter):
    """Of what django-q2 logs again and again in an outage of the database, lets nothing through:
    `trouble.tell` says once a minute that there is one."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = _error_of(record.exc_info)
        if error is not None and _is_outage(error):
            trouble.tell(record.getMessage(), error)
            return False
        said, _, traceback = record.getMessage().partition(TRACEBACK)
        if not traceback.rpartition(DATABASE_ERROR)[2].startswith(OUTAGE_CLASSES):
            return True
        record.msg, record.args = said.partition("\n")[0], ()
        return not trouble.is_told()


def shorten(logger: Any, method: str, event: EventDict) -> EventDict:
    """Replace the traceback of a caller's error, or of an outage, by its name and message, as a
    warning."""
    error = _error_of(event.get("exc_info"))
    if error is None or not _is_short(error, str(event.get("logger", ""))):
        return event
    text = str(event.get("event", ""))
    shortened = {
        **event,
        "event": text[:MAX_MESSAGE],
        "level": "warning",
        "error": type(error).__name__,
    }
    del shortened["exc_info"]
    if (said := str(error).partition("\n")[0][:MAX_MESSAGE]) and said not in text:
        shortened["reason"] = said
    return shortened


def _is_short(error: BaseException, logger: str) -> bool:
    if isinstance(error, CONNECTION_ERRORS):
        return logger.startswith(CONNECTION_LOGGERS)
    return isinstance(error, CALLERS_ERRORS) or _is_outage(error)


def _is_outage(error: BaseException) -> bool:
    """Missing tables tell more by where they are missed."""
    return outage_of(error) not in (None, Outage.SCHEMA)


def _error_of(exc_info: Any) -> BaseException | None:
    """Return the exception of an `exc_info` in any of the forms that logging takes."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return None
