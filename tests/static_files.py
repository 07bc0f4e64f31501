"""The files that the web server serves, looked up once a process.

Each test client makes the middleware anew, and WhiteNoise's then walks through the static files of
all apps: some 20 ms of CPU, in a run of thousands of clients. A request sees the same files.
"""

from __future__ import annotations

from typing import Any

from whitenoise.middleware import WhiteNoiseMiddleware

look_up = WhiteNoiseMiddleware.add_files_from_finders
_found: dict[str, Any] = {}


def look_up_once() -> None:
    def add(middleware: WhiteNoiseMiddleware) -> None:
        if not _found:
            look_up(middleware)
            _found.update(middleware.files)
        middleware.files = {**_found, **middleware.files}

    WhiteNoiseMiddleware.add_files_from_finders = add
