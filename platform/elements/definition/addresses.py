"""What a definition may say of addresses, paths and headers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from elements.errors import ConfigurationError
from elements.interpolation import CONFIGURED
from elements.types import Setting

LONGEST_URL = 2_000  # characters
SEGMENT = re.compile(r"[A-Za-z0-9._~-]{1,100}")
NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,49})\}")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
PRINTABLE = re.compile(r"[\x20-\x7e]*")
# Headers that the platform sets, or that would change what a request is (RFC 9110, 9112).
OWN_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "host",
        "cookie",
        "connection",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "accept-encoding",
        "expect",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
    }
)
HUB_PATH = "a path such as /hubs/general/contacts or /hubs/general/contacts/{id}"
VENDOR_PATH = "a path below the base URL, such as /v1/contacts or /v1/contacts/{id}"


def own_path(path: str, where: str) -> str:
    """The path of an operation without its hub. Raises ConfigurationError."""
    wrong = ConfigurationError(where, f"must be {HUB_PATH}")
    first, *segments = path.rstrip("/").split("/")
    if segments[:1] == ["hubs"]:
        segments = segments[2:]
    if first or not segments:
        raise wrong
    names = []
    for segment in segments:
        named = NAMED.fullmatch(segment)
        if named is not None:
            names.append(named[1])
        elif SEGMENT.fullmatch(segment) is None or segment in {".", ".."}:
            raise wrong
    if NAMED.fullmatch(segments[0]):
        raise ConfigurationError(where, f"must begin with the resource's name: {HUB_PATH}")
    if len(names) != len(set(names)):
        raise ConfigurationError(where, "names a parameter twice")
    return "/" + "/".join(segments)


def vendor_path(path: str, where: str) -> str:
    """Checks the path at the provider. Raises ConfigurationError."""
    bare = NAMED.sub("x", CONFIGURED.sub("x", path.replace("${+", "${")))
    if not path.startswith("/") or path.startswith("//"):
        raise ConfigurationError(where, f"must be {VENDOR_PATH}")
    if re.fullmatch(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]+", bare) is None:
        raise ConfigurationError(
            where, f"must be {VENDOR_PATH}, percent-encoded, without query and fragment"
        )
    if {".", ".."} & set(bare.split("/")):
        raise ConfigurationError(where, "must not hold the segments . and ..")
    return path


def names_in(path: str) -> list[str]:
    """The names in braces, of the path's own parameters."""
    return NAMED.findall(CONFIGURED.sub("", path.replace("${+", "${")))


def address(value: str, where: str, *, secret: bool = False) -> Setting:
    """An http(s) URL, in which `${key}` stands for what an instance is configured with.

    `secret`: secrets go there, so that it must be https, or this machine.
    Raises ConfigurationError.
    """
    if len(value) > LONGEST_URL:
        raise ConfigurationError(where, f"has {len(value)} characters; {LONGEST_URL} are allowed")
    bare = CONFIGURED.sub("x", value)
    wrong = ConfigurationError(where, "must be an address such as https://api.example.com")
    if any(letter <= " " or letter == "\x7f" for letter in bare) or {*"{}\\"} & {*bare}:
        raise wrong
    try:
        parts = urlsplit(bare)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not host:
        raise wrong
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ConfigurationError(where, "must have no user name, no password and no fragment (#)")
    if secret and parts.scheme != "https" and host not in {"127.0.0.1", "::1", "localhost"}:
        raise ConfigurationError(where, "must begin with https://")
    return Setting("", value.rstrip("/"))


def header(name: str, where: str) -> str:
    """A header that a request may have beside the platform's own. Raises ConfigurationError."""
    if HEADER.fullmatch(name) is None:
        raise ConfigurationError(where, "must be the name of a header, such as X-Version")
    if name.lower() in OWN_HEADERS:
        raise ConfigurationError(where, f"must not be {name}: the platform sets that header itself")
    return name
