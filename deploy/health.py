"""Ask a web server whether it is well, as a container's health check: exit status 0 when it is.

python deploy/health.py ready|work|live [http://HOST:PORT]
"""

from __future__ import annotations

import os
import sys
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

TIMEOUT = 5  # seconds


def ask(question: str, server: str) -> int:
    """Print what the server answers, and return the exit status."""
    # By the name that people use, which ALLOWED_HOSTS holds.
    host = urlsplit(os.environ.get("PUBLIC_URL", "")).hostname or "localhost"
    request = Request(f"{server}/health/{question}", headers={"Host": host})  # noqa: S310 - http
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            sys.stdout.write(answer.read().decode())
    except HTTPError as error:
        sys.stdout.write(error.read().decode())
        return 1
    except OSError as error:
        sys.stdout.write(f"{server} does not answer: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], *(sys.argv[2:] or ["http://127.0.0.1:8000"])))
