"""How the platform logs: structlog over Python's logging, one line an event, on standard error.

JSON in production, readable text in development. Every line carries the request id, and no line
carries a secret: `redact` takes out values by the name of their key, by name within text that
looks like a query string, and what follows the addresses that end with a secret. Anyone can have
text logged by asking for a path, so reading it takes time in proportion to its length, and a line
shows only so much of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import structlog

from config.short_lines import OutageFilter, shorten

REDACTED = "[redacted]"
MAX_TEXT = 20_000  # characters of one value in a line; of a longer one, its two ends
SECRET_WORDS = frozenset(
    {"authorization", "token", "tokens", "secret", "secrets", "password", "verifier", "cookie"}
)
SECRET_NAMES = frozenset({"code", "apikey", "api_key", "oauth.api.key"})
SECRET_ENDINGS = ("signature.key", "signature_key", "signaturekey")
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")  # of snake_case, dotted.case and camelCase
# A name is read once, from its start to its end, and only then asked whether it is a secret's: to
# try again from each of its letters would take the square of its length.
IN_QUERY = re.compile(
    r"(?i)(?<![\w.])([\w.]++)"
    r"(?:(?<=\bcode)|(?<=\bstate)|(?<=\bapikey)"
    r"|(?<=token)|(?<=secret)|(?<=password)|(?<=verifier))=[^&\s\"']++"
)
IN_HEADER = re.compile(
    r"(?i)\b(bearer|basic|user|organization|element|token) (?=[a-z+/_.-]*\d)([a-z0-9+/_.-]{16,}=*)"
)
# What follows these addresses lets in anyone who reads it: keys of inboxes and of addresses for
# unsigned webhooks, and the tokens of links.
# A test holds them to the platform's addresses.
IN_PATH = re.compile(
    r"(?i)(/(?:inbox|reconnect|password/[\w=-]{1,40}|verify-address|unsigned)/)[\w%:.~=-]{16,}+"
)

EventDict = structlog.typing.EventDict


def configure(*, production: bool, level: str = "INFO") -> dict[str, Any]:
    """Sets structlog up and returns Django's LOGGING setting."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": _written(production),
            }
        },
        "filters": {"outages": {"()": OutageFilter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "django-q": {
                "handlers": [],
                "level": "WARNING",
                "propagate": True,
                "filters": ["outages"],
            },
            # In place of its own handlers: it quotes a header line that it cannot read.
            "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
            # Where gunicorn is told to write it: paths hold secrets.
            "gunicorn.access": {"handlers": [], "level": "INFO", "propagate": True},
        },
    }


def _written(production: bool) -> list[structlog.typing.Processor]:
    """What makes a line of an event: the traceback becomes text before secrets are sought."""
    head: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        shorten,
        structlog.processors.format_exc_info,
        redact,
    ]
    if production:
        return [*head, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
    return [*head, structlog.dev.ConsoleRenderer(colors=False)]


def redact(logger: Any, method: str, event: EventDict) -> EventDict:
    """The event without its secrets, however deep they lie."""
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if _is_secret(key) and value is not None and not isinstance(value, bool):
        return REDACTED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(below): _clean(str(below), item) for below, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item) for item in value]
    # Anything else, such as an exception, is written as its text: without its secrets, too.
    text = IN_PATH.sub(rf"\1{REDACTED}", IN_QUERY.sub(rf"\1={REDACTED}", str(value)))
    return _shortened(IN_HEADER.sub(rf"\1 {REDACTED}", text))


def _shortened(text: str) -> str:
    """Return the text, or its two ends: a traceback says at its end what happened."""
    left_out = len(text) - MAX_TEXT
    if left_out <= 0:
        return text
    half = MAX_TEXT // 2
    return f"{text[:half]} [{left_out} characters left out] {text[-half:]}"


def _is_secret(key: str) -> bool:
    if key.lower() in SECRET_NAMES or key.lower().endswith(SECRET_ENDINGS):
        return True
    return any(word.lower() in SECRET_WORDS for word in WORDS.findall(key))
