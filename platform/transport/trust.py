"""Which certificate authorities are trusted: one rule for requests and aiohttp.

Left alone, requests trusts the list that certifi brings and aiohttp what OpenSSL finds on the
machine, so that a private authority would be known to one of them only.
"""

from __future__ import annotations

import os
import re
import ssl
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from requests.utils import DEFAULT_CA_BUNDLE_PATH

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # how OpenSSL names certificates of a directory


def context() -> ssl.SSLContext:
    """Return the context that verifies providers and receivers.

    1. SSL_CERT_FILE and SSL_CERT_DIR, where one is set, and nothing else.
    2. The machine's own, where OpenSSL finds them.
    3. The list that comes along with requests.

    Raises ImproperlyConfigured where a setting names what cannot be read.
    """
    return _context(settings.SSL_CERT_FILE, settings.SSL_CERT_DIR)


@lru_cache(maxsize=8)
def _context(file: str, directories: str) -> ssl.SSLContext:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    if not file and not directories:
        trusting.load_default_certs()
        # Those of a directory are read when they are needed, and not counted.
        if not trusting.cert_store_stats()["x509_ca"] and not _holds_certificates(
            ssl.get_default_verify_paths().capath or ""
        ):
            trusting.load_verify_locations(cafile=DEFAULT_CA_BUNDLE_PATH)
        return trusting
    if file:
        try:
            trusting.load_verify_locations(cafile=file)
        except OSError as error:  # ssl.SSLError is one
            raise ImproperlyConfigured(
                f"SSL_CERT_FILE (or REQUESTS_CA_BUNDLE) names {file}, which cannot be read as "
                f"certificates in PEM: {error.strerror or error}"
            ) from error
    for directory in filter(None, directories.split(os.pathsep)):
        if not _holds_certificates(directory):
            raise ImproperlyConfigured(
                f"SSL_CERT_DIR names {directory}, which holds no certificates by their hash: "
                "`openssl rehash` makes the names that OpenSSL looks for"
            )
        trusting.load_verify_locations(capath=directory)
    return trusting


def _holds_certificates(directory: str) -> bool:
    return os.path.isdir(directory) and any(map(_HASHED.fullmatch, os.listdir(directory)))
