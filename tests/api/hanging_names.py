"""A configuration of gunicorn: names below `.hangs.example` are asked of a silent server."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

_system = socket.getaddrinfo


def _asked(host: Any, *arguments: Any, **named: Any) -> Any:
    if not str(host).endswith(".hangs.example"):
        return _system(host, *arguments, **named)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(20)  # seconds, about as long as the C library's resolver waits
        asking.sendto(b"", ("127.0.0.1", int(os.environ["SILENT_NAME_SERVER"])))
        with contextlib.suppress(TimeoutError):
            asking.recv(512)
    raise socket.gaierror(socket.EAI_AGAIN, "no answer")


socket.getaddrinfo = _asked
